"""The report's sections as Markdown: the same tables without the pictures and the folded ones."""
from .tables import Picture, Table


def cell(value):
    return str(value).replace('|', '\\|').replace('\n', ' ')


def table(block):
    lines = ['| ' + ' | '.join(cell(h) for h in block.headers) + ' |', '|' + ' --- |' * len(block.headers)]
    lines += ['| ' + ' | '.join(cell(c) for c in row) + ' |' for row in block.rows]
    title = ['**%s**' % block.title, ''] if block.title else []
    return '\n'.join(title + lines)


def block_text(block):
    if isinstance(block, Picture) or isinstance(block, Table) and block.folded:
        return ''
    if isinstance(block, Table):
        return table(block)
    if isinstance(block, tuple):
        names = {'failures': 'Failed:', 'problems': 'Missing or malformed:', 'peers': 'Peers that did not run:',
                 'warnings': 'Mind:'}
        head = [names[block[0]], ''] if block[0] in names else []
        return '\n'.join(head + ['- ' + cell(line) for line in block[1]])
    return block


def render(title, groups):
    """`groups`: [(heading or '', [Section])]."""
    out = ['# ' + title]
    for heading, sections in groups:
        level = '##'
        if heading:
            out.append('## ' + heading)
            level = '###'
        for section in sections:
            out.append('%s %s' % (level, section.title))
            out += [text for text in map(block_text, section.blocks) if text]
    return '\n\n'.join(out) + '\n'
