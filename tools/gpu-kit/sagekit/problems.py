"""What peers are measured on, and how an output is checked: shapes, masks, exact attention on a few rows.

The shapes are those of the attention.json of the same run, and listed nowhere else than in bench-attention
(tools/bench/attention/Shapes.cpp).
"""
import json

CHECKED_ROWS = 16  # at the middle and at the end, of the first and of the last head

FIELDS = ('shape', 'batch', 'query_heads', 'key_heads', 'tokens', 'head_dim', 'mask')


def is_shape(entry):
    return (isinstance(entry, dict) and all(isinstance(entry.get(f), int) and entry[f] > 0 for f in FIELDS[1:6])
            and isinstance(entry.get('shape'), str) and entry.get('mask') in ('none', 'causal'))


def shapes(path):
    """What bench-attention planned, least work first, so that a time limit costs the largest ones only. An OSError or
    a ValueError says what is wrong with the file."""
    with open(path, encoding='utf-8') as file:
        try:
            run = json.load(file)
        except (ValueError, RecursionError):
            run = None
    listed = run.get('shapes') if isinstance(run, dict) else None
    if not isinstance(listed, list) or not all(map(is_shape, listed)):
        raise ValueError('%s does not tell the shapes that were planned' % path)
    return sorted(({field: entry[field] for field in FIELDS} for entry in listed),
                  key=lambda s: s['batch'] * s['query_heads'] * s['tokens'] ** 2 * s['head_dim'])


def checked_ranges(tokens):
    """[(first, count)] of the rows that are compared."""
    count = min(CHECKED_ROWS, tokens)
    last = tokens - count
    return sorted({(last // 2, count), (last, count)})


SPARSE_BLOCK = 128


def kept_block(query_block, key_block):
    """The pattern of the mask `sparse50`: every other block of keys, shifted by one from row to row of blocks."""
    return (query_block + key_block) % 2 == 0


# Which key (second) a query (first) sees; works on integers and on tensors.
RULES = {'causal': lambda i, j: i >= j, 'sparse50': lambda i, j: kept_block(i // SPARSE_BLOCK, j // SPARSE_BLOCK)}


def check(torch, shape, pool, out):
    """The papers' metrics on sampled rows, against exact attention in double precision on the tensors of `pool`."""
    exact, got = [], []
    heads, tokens = shape['query_heads'], shape['tokens']
    group = heads // shape['key_heads']
    for batch, head in {(0, 0), (shape['batch'] - 1, heads - 1)}:
        queries = pool.head('q', batch * heads + head, tokens)
        key_head = batch * shape['key_heads'] + head // group
        keys, values = (pool.head(role, key_head, tokens).double() for role in 'kv')
        for first, count in checked_ranges(tokens):
            scores = queries[first:first + count].double() @ keys.T / shape['head_dim'] ** 0.5
            if shape['mask'] in RULES:
                rows = torch.arange(first, first + count, device=out.device)[:, None]
                seen = RULES[shape['mask']](rows, torch.arange(tokens, device=out.device)[None])
                scores.masked_fill_(~seen, float('-inf'))
            exact.append(torch.softmax(scores, -1) @ values)
            got.append(out[batch, head, first:first + count].double())
    exact, got = torch.cat(exact), torch.cat(got)
    cosine = (exact * got).sum() / (exact.norm() * got.norm())
    return {'rows': exact.shape[0], 'cosine': float(cosine),
            'relative_l1': float((exact - got).abs().sum() / exact.abs().sum()),
            'rmse': float(((exact - got) ** 2).mean().sqrt())}
