"""What peers are measured on: the shapes of bench-attention and tensors made as bench-attention makes its own.

Shapes come from the attention.json of the same run where there is one, so that they are listed in one place (bench-
attention's Shapes.cpp); the list here serves when that stage has left nothing. The data's constants are those of
tools/bench/attention/Data.cpp: Q, V ~ N(0,1); K ~ N(0,1) plus, on one channel in sixteen of each head, an offset that
is the same for all tokens: of random sign, 4 to 8. Same recipe, other random numbers.
"""
import json

# How a call is timed: as tools/bench/record/Timing.h and Timing.cpp do.
WARMUPS, LEAST, MOST, BUDGET_MS = 3, 5, 50, 200
FLUSH_BYTES, FLUSH_READS = 256 << 20, 2

OUTLIER_EVERY = 16
DISTINCT_HEADS = 4  # the others repeat these
CHECKED_ROWS = 16  # at the middle and at the end, of the first and of the last head

MODELS = (('CogVideoX', 2, 30, 17776, 64, 'none'), ('Llama2', 4, 32, 1536, 128, 'causal'),
          ('UltraPixel', 2, 32, 7285, 64, 'none'), ('Unidiffuser', 4, 24, 1105, 64, 'none'),
          ('TIMM', 12, 64, 197, 64, 'none'))
LENGTHS = {'tiny': (130,), 'quick': (1024, 4096, 16384), 'full': (1024, 2048, 4096, 8192, 16384, 32768)}
FIELDS = ('shape', 'batch', 'query_heads', 'key_heads', 'tokens', 'head_dim', 'mask')


def shape(label, batch, heads, tokens, head_dim, mask):
    return dict(zip(FIELDS, (label, batch, heads, heads, tokens, head_dim, mask)))


def listed_shapes(extent):
    batch, heads = (1, 2) if extent == 'tiny' else (4, 32)
    grid = [shape('grid', batch, heads, tokens, head_dim, mask) for tokens in LENGTHS[extent]
            for head_dim in (64, 128) for mask in ('none', 'causal')]
    return grid + ([] if extent == 'tiny' else [shape(*model) for model in MODELS])


def shapes_of(path):
    """The distinct shapes of an attention.json, [] when it cannot be read."""
    try:
        with open(path, encoding='utf-8') as file:
            cases = json.load(file)['cases']
        found = [{field: case[field] for field in FIELDS} for case in cases]
        whole = [s for s in found if all(isinstance(s[f], int) and s[f] > 0 for f in FIELDS[1:6])]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [dict(items) for items in dict.fromkeys(tuple(s.items()) for s in whole)]


def shapes(path, extent):
    """Least work first, so that a time limit costs the largest ones only."""
    found = (shapes_of(path) if path else []) or listed_shapes(extent)
    return sorted(found, key=lambda s: s['batch'] * s['query_heads'] * s['tokens'] ** 2 * s['head_dim'])


def outliers(head, head_dim):
    """[(channel, magnitude)] of one head of K; the sign is random."""
    return [(channel, 4.0 + (head * head_dim + channel) * 7 % 5)
            for channel in range(head % OUTLIER_EVERY, head_dim, OUTLIER_EVERY)]


def checked_ranges(tokens):
    """[(first, count)] of the rows that are compared."""
    count = min(CHECKED_ROWS, tokens)
    last = tokens - count
    return sorted({(last // 2, count), (last, count)})


def tensors(torch, device, shape, seed=20):
    """q, k, v in f16, [batch, heads, tokens, head_dim]."""
    generator = torch.Generator(device=device)
    made = []
    for role, heads in enumerate((shape['query_heads'], shape['key_heads'], shape['key_heads'])):
        generator.manual_seed(seed + role)
        distinct = min(DISTINCT_HEADS, shape['batch'] * heads)
        part = torch.randn(distinct, shape['tokens'], shape['head_dim'], generator=generator, device=device,
                           dtype=torch.float32)
        if role == 1:
            for head in range(distinct):
                for channel, magnitude in outliers(head, shape['head_dim']):
                    sign = 1 if torch.rand(1, generator=generator, device=device).item() < 0.5 else -1
                    part[head, :, channel] += sign * magnitude
        index = torch.arange(shape['batch'] * heads, device=device) % distinct
        made.append(part.half()[index].reshape(shape['batch'], heads, shape['tokens'], shape['head_dim']).contiguous())
    return made


SPARSE_BLOCK = 128


def kept_block(query_block, key_block):
    """The pattern of the mask `sparse50`: every other block of keys, shifted by one from row to row of blocks."""
    return (query_block + key_block) % 2 == 0


# Which key (second) a query (first) sees; works on integers and on tensors.
RULES = {'causal': lambda i, j: i >= j, 'sparse50': lambda i, j: kept_block(i // SPARSE_BLOCK, j // SPARSE_BLOCK)}


def check(torch, shape, q, k, v, out):
    """The papers' metrics on sampled rows, against exact attention in double precision."""
    exact, got = [], []
    group = shape['query_heads'] // shape['key_heads']
    for batch, head in {(0, 0), (shape['batch'] - 1, shape['query_heads'] - 1)}:
        keys, values = (t[batch, head // group].double() for t in (k, v))
        for first, count in checked_ranges(shape['tokens']):
            scores = q[batch, head, first:first + count].double() @ keys.T / shape['head_dim'] ** 0.5
            if shape['mask'] in RULES:
                rows = torch.arange(first, first + count, device=q.device)[:, None]
                seen = RULES[shape['mask']](rows, torch.arange(shape['tokens'], device=q.device)[None])
                scores.masked_fill_(~seen, float('-inf'))
            exact.append(torch.softmax(scores, -1) @ values)
            got.append(out[batch, head, first:first + count].double())
    exact, got = torch.cat(exact), torch.cat(got)
    cosine = (exact * got).sum() / (exact.norm() * got.norm())
    return {'rows': exact.shape[0], 'cosine': float(cosine),
            'relative_l1': float((exact - got).abs().sum() / exact.abs().sum()),
            'rmse': float(((exact - got) ** 2).mean().sqrt())}
