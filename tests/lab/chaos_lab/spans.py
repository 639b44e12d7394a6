"""Arithmetic of spans of time: (from, to) in us. `merged` sorts a list of them and joins those that touch."""

FOREVER = 1 << 62


def merged(spans):
    result = []
    for begin, end in sorted(span for span in spans if span[1] > span[0]):
        if result and begin <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], end))
        else:
            result.append((begin, end))
    return result


def intersection(first, second):
    """What is in both; either may be unsorted."""
    first, second = merged(first), merged(second)
    result, i, j = [], 0, 0
    while i < len(first) and j < len(second):
        begin, end = max(first[i][0], second[j][0]), min(first[i][1], second[j][1])
        if end > begin:
            result.append((begin, end))
        if first[i][1] < second[j][1]:
            i += 1
        else:
            j += 1
    return result


def without(spans, taken):
    """What of the spans is left when `taken` is taken away."""
    result = []
    for begin, end in merged(spans):
        at = begin
        for cut_begin, cut_end in merged(taken):
            if cut_end <= at or cut_begin >= end:
                continue
            if cut_begin > at:
                result.append((at, cut_begin))
            at = max(at, cut_end)
        if at < end:
            result.append((at, end))
    return result


def total(spans):
    return sum(end - begin for begin, end in merged(spans))
