"""The tensors that bench-attention times, for the peers: for each head dim D its --tensors leaves a file
qkv-dD.safetensors with a pool of few heads, "q", "k" and "v", F16 [heads, tokens, D].

    file   = size of the header (8 bytes, little endian), header, data
    header = {"q": {"dtype": "F16", "shape": [4, 32768, 64], "data_offsets": [begin, end]}, ...}, offsets within data

The tensors of a shape are made of it as Data::upload makes them (tools/bench/attention/Data.cpp): head h of all heads
of the batch is the first rows of the pool's head h % heads. The same elements, then, at the same places.
"""
import json
import os

ROLES = ('q', 'k', 'v')
MOST_HEADER = 1 << 20


class Unusable(Exception):
    """A file that is missing, damaged or too small. The text names it."""


class Pool:
    """The pool of one head dim, in memory: `parts` has the bytes of each role."""

    def __init__(self, directory, head_dim, tokens):
        """`tokens` is what is needed at least."""
        self.path = os.path.join(directory, 'qkv-d%d.safetensors' % head_dim)
        self.head_dim = head_dim
        try:
            with open(self.path, 'rb') as file:
                self._read(file)
        except OSError as error:
            self._refuse(error.strerror)
        if self.tokens < tokens:
            self._refuse('has %d tokens where %d are needed' % (self.tokens, tokens))

    def _refuse(self, why):
        raise Unusable('%s: %s' % (self.path, why))

    def _read(self, file):
        size = os.fstat(file.fileno()).st_size - 8
        length = int.from_bytes(file.read(8), 'little')
        if length > min(size, MOST_HEADER):
            self._refuse('damaged: no header of the format begins it')
        try:
            header = json.loads(file.read(length))
        except (ValueError, RecursionError):
            header = None
        if not isinstance(header, dict):
            self._refuse('damaged: its header is no JSON object')
        places = [self._place(header.get(role), role, size - length) for role in ROLES]
        if len({shape for shape, _, _ in places}) != 1:
            self._refuse('damaged: q, k and v differ in shape')
        self.heads, self.tokens, _ = places[0][0]
        self.parts = {}
        for role, (_, begin, end) in zip(ROLES, places):
            self.parts[role] = bytearray(end - begin)
            file.seek(8 + length + begin)
            if file.readinto(self.parts[role]) != end - begin:
                self._refuse('the file ended while it was read')

    def _place(self, entry, role, size):
        """(shape, begin, end) of a tensor, once all of it has been checked."""
        entry = entry if isinstance(entry, dict) else {}
        shape, place = entry.get('shape'), entry.get('data_offsets')
        if entry.get('dtype') != 'F16' or not whole_numbers(shape, 3) or not whole_numbers(place, 2):
            self._refuse("damaged: it has no F16 tensor '%s' of three axes" % role)
        begin, end = place
        fits = shape[0] * shape[1] * shape[2] * 2 == end - begin and end <= size
        if shape[2] != self.head_dim or min(shape) == 0 or not fits:
            self._refuse("damaged: tensor '%s' of shape %s does not fit its bytes, %d to %d of %d"
                         % (role, shape, begin, end, size))
        return tuple(shape), begin, end

    def rows(self, role, head, tokens):
        """The bytes of the first `tokens` rows of the head that stands at `head` of a batch."""
        row = self.head_dim * 2
        first = pool_head(head, self.heads) * self.tokens * row
        return memoryview(self.parts[role])[first:first + tokens * row]


def whole_numbers(value, count):
    return isinstance(value, list) and len(value) == count and all(type(n) is int and n >= 0 for n in value)


def pool_head(head, heads):
    """Which of the pool's heads stands at `head` of a batch."""
    return head % heads


class Tensors:
    """A pool on a device of PyTorch, and what is made of it there."""

    def __init__(self, torch, device, pool):
        self.torch, self.device = torch, device
        shape = (pool.heads, pool.tokens, pool.head_dim)
        self.parts = {role: torch.frombuffer(part, dtype=torch.float16).reshape(shape).to(device)
                      for role, part in pool.parts.items()}

    def make(self, shape):
        """New q, k and v, f16 [batch, heads, tokens, head_dim], dense."""
        made = []
        for role, heads in zip(ROLES, (shape['query_heads'], shape['key_heads'], shape['key_heads'])):
            part = self.parts[role]
            index = [pool_head(head, len(part)) for head in range(shape['batch'] * heads)]
            taken = part[:, :shape['tokens']][self.torch.tensor(index, device=self.device)]
            made.append(taken.reshape(shape['batch'], heads, shape['tokens'], shape['head_dim']))
        return made

    def head(self, role, head, tokens):
        """[tokens, head_dim]: the head that stands at `head` of the batch, without a copy."""
        return self.parts[role][pool_head(head, len(self.parts[role])), :tokens]
