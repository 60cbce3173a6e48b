"""Draws SVG: scales, axes, lines, markers. Colours are classes of the page's style sheet, so that one picture is right
on a light and on a dark ground. Nothing here knows of attention."""
import math
from html import escape

MARKERS = ('circle', 'square', 'triangle', 'diamond', 'cross', 'down')


class Scale:
    """Maps [low, high] to [start, stop] pixels, linear or logarithmic."""

    def __init__(self, low, high, start, stop, log=False):
        self.log = log
        self.low, self.high = low, high if high > low else low * 2 + 1
        self.start, self.stop = start, stop

    def __call__(self, value):
        change = math.log if self.log else float
        value = max(value, self.low * 0.5) if self.log else value
        fraction = (change(value) - change(self.low)) / (change(self.high) - change(self.low))
        return self.start + fraction * (self.stop - self.start)

    def ticks(self, count=6):
        """Round numbers inside the scale."""
        if self.log:
            return self._log_ticks()
        rough = (self.high - self.low) / count
        power = 10 ** math.floor(math.log10(rough))
        step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough)
        first = math.ceil(self.low / step)
        return [step * i for i in range(first, int(self.high / step + 1e-9) + 1)]

    def _log_ticks(self):
        exponents = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        wide = math.log10(self.high / self.low) > 3.5
        steps = (1,) if wide else (1, 2, 5)
        return [m * 10.0 ** e for e in exponents for m in steps if self.low <= m * 10.0 ** e <= self.high]


def short(value):
    """A tick's text: 1k for 1024 and its multiples, few digits otherwise."""
    if value >= 1024 and value % 1024 == 0:
        return '%dk' % (value // 1024)
    return '%g' % value


class Drawing:
    """An SVG element that grows. Coordinates are pixels of a `width` × `height` box that scales with the page."""

    def __init__(self, width, height, label):
        self.width, self.height, self.label = width, height, label
        self.parts = []

    def line(self, x1, y1, x2, y2, style):
        self.parts.append('<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>' % (style, x1, y1, x2, y2))

    def rect(self, x, y, width, height, style, tip=''):
        self.parts.append('<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f">%s</rect>'
                          % (style, x, y, max(width, 0.5), max(height, 0.5), self._tip(tip)))

    def text(self, x, y, text, anchor='start', style='label', turn=None):
        turned = ' transform="rotate(%d %.1f %.1f)"' % (turn, x, y) if turn else ''
        self.parts.append('<text class="%s" x="%.1f" y="%.1f" text-anchor="%s"%s>%s</text>'
                          % (style, x, y, anchor, turned, escape(str(text))))

    def path(self, points, style):
        if len(points) > 1:
            self.parts.append('<polyline class="%s" points="%s"/>'
                              % (style, ' '.join('%.1f,%.1f' % point for point in points)))

    def marker(self, x, y, shape, style, tip='', size=4.5):
        s = size
        outlines = {'square': [(-s, -s), (s, -s), (s, s), (-s, s)], 'triangle': [(0, -s * 1.2), (s * 1.1, s), (-s * 1.1, s)],
                    'down': [(0, s * 1.2), (s * 1.1, -s), (-s * 1.1, -s)],
                    'diamond': [(0, -s * 1.35), (s * 1.35, 0), (0, s * 1.35), (-s * 1.35, 0)],
                    'cross': [(-s, -s / 3), (-s / 3, -s / 3), (-s / 3, -s), (s / 3, -s), (s / 3, -s / 3), (s, -s / 3),
                              (s, s / 3), (s / 3, s / 3), (s / 3, s), (-s / 3, s), (-s / 3, s / 3), (-s, s / 3)]}
        if shape in outlines:
            points = ' '.join('%.1f,%.1f' % (x + dx, y + dy) for dx, dy in outlines[shape])
            self.parts.append('<polygon class="%s" points="%s">%s</polygon>' % (style, points, self._tip(tip)))
        else:
            self.parts.append('<circle class="%s" cx="%.1f" cy="%.1f" r="%.1f">%s</circle>'
                              % (style, x, y, s, self._tip(tip)))

    @staticmethod
    def _tip(tip):
        return '<title>%s</title>' % escape(tip) if tip else ''

    def __str__(self):
        return ('<svg viewBox="0 0 %d %d" style="max-width:%dpx" role="img" aria-label="%s" '
                'xmlns="http://www.w3.org/2000/svg">%s</svg>'
                % (self.width, self.height, self.width, escape(self.label, quote=True), ''.join(self.parts)))


class Plot(Drawing):
    """A Drawing with two axes. `x` and `y` are (low, high, log)."""

    def __init__(self, width, height, label, x, y, x_title, y_title, x_ticks=None, title='', margins=(56, 16, 34, 46)):
        super().__init__(width, height, label)
        left, right, top, bottom = margins
        self.left, self.right, self.top, self.bottom = left, width - right, top, height - bottom
        self.x = Scale(x[0], x[1], self.left, self.right, x[2])
        self.y = Scale(y[0], y[1], self.bottom, self.top, y[2])
        if title:
            self.text(left, 18, title, style='title')
        self._axes(x_ticks or self.x.ticks(), x_title, y_title)

    def _axes(self, x_ticks, x_title, y_title):
        for tick in self.y.ticks():
            self.line(self.left, self.y(tick), self.right, self.y(tick), 'grid')
            self.text(self.left - 7, self.y(tick) + 4, short(tick), 'end', 'tick')
        for tick in x_ticks:
            self.line(self.x(tick), self.bottom, self.x(tick), self.bottom + 4, 'axis')
            self.text(self.x(tick), self.bottom + 17, short(tick), 'middle', 'tick')
        self.line(self.left, self.bottom, self.right, self.bottom, 'axis')
        if x_title:
            self.text((self.left + self.right) / 2, self.bottom + 36, x_title, 'middle')
        if y_title:
            self.text(14, (self.top + self.bottom) / 2, y_title, 'middle', turn=-90)


def spread_labels(wanted, gap, low, high):
    """Moves label positions apart until none is nearer than `gap` to the next, inside [low, high]; same order."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    placed = [0.0] * len(wanted)
    previous = low - gap
    for i in order:
        placed[i] = previous = max(wanted[i], previous + gap)
    limit = high
    for i in reversed(order):
        placed[i] = limit = min(placed[i], limit)
        limit -= gap
    return placed
