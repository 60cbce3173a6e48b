"""Which errors of a peer say that it was not made for this device or this shape: those are skipped, all others failed.

The texts are those of the packages' sources: PyTorch 2.11 (2.5 to 2.10 were read in part), flash-attention 2 to 4,
xformers, SageAttention 1 to 3. A text is matched from its beginning, so that one that only mentions the words (an error of CUDA, memory that is
exhausted) stays a failure.
"""
import re

# ImportError: the package, or a part of it, is not there. NotImplementedError: xformers' "No operator found", PyTorch's
# operators that were not built for CUDA.
TYPES = (ImportError, NotImplementedError)
TEXTS = {
    RuntimeError: (
        # scaled_dot_product_attention: no back-end that it may use takes these tensors.
        r'No available kernel\. +Aborting execution', r'No viable backend for scaled_dot_product_attention',
        # Its cuDNN back-end took them, and cuDNN has nothing for them.
        r'cuDNN Frontend error: (\[cudnn_frontend\] Error: )?No (execution plans|valid execution plans|valid engine)',
        r'cutlassF: no kernel found to launch',
        r'This flash attention build does not support ', r'FlashAttention.{0,40} only supports? ',
    ),
    AssertionError: (r'SM\d+ kernel is not available', r'Unsupported compute capability',
                     r'.{1,60} is not supported on SM'),
    ValueError: (r'Unsupported (CUDA architecture|head_dim)',),
}


def is_refusal(error):
    return isinstance(error, TYPES) or any(
        isinstance(error, kind) and any(re.match(text, str(error)) for text in texts) for kind, texts in TEXTS.items())
