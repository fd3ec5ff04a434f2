"""Pictures beside each other: what differs between graphite-web's and ours, if anything."""
import io
import itertools
import json
import re
import xml.etree.ElementTree

# Levels of 255 that no eye tells apart: edges that are not level or upright are smoothed a little differently.
FAINT, VISIBLE = 2, 12
# Percent of all pixels that may differ by more.
FAINT_SHARE, VISIBLE_SHARE = 1.0, 0.05


class Pixels:
    def __init__(self, body):
        import cairocffi
        surface = cairocffi.ImageSurface.create_from_png(io.BytesIO(body))
        self.size = surface.get_width(), surface.get_height()
        self.bytes = bytes(surface.get_data())


def difference_of_png(theirs, ours, visible_share):
    """What is wrong, or None."""
    theirs, ours = Pixels(theirs), Pixels(ours)
    if theirs.size != ours.size:
        return f"size {ours.size} instead of {theirs.size}"
    worst = {}
    for index, (their, our) in enumerate(zip(theirs.bytes, ours.bytes)):
        if their != our:
            worst[index // 4] = max(worst.get(index // 4, 0), abs(their - our))
    total = theirs.size[0] * theirs.size[1]
    # In a tiny picture a few pixels are a large share.
    few = 100 * 4 / total
    for least, most in ((FAINT, max(FAINT_SHARE, visible_share)), (VISIBLE, visible_share)):
        places = [place for place, level in worst.items() if level > least]
        share = 100 * len(places) / total
        if share > max(most, few):
            where = places[0] % theirs.size[0], places[0] // theirs.size[0]
            return f"{share:.3f} % of the pixels differ by more than {least}, the first at {where}"
    return None


def metadata(svg):
    return json.loads(re.search(r"metadata = (.*)\n", svg)[1])


def elements(svg):
    """(style, numbers of the path) of everything that is drawn; what only limits the drawing is left out, because
    cairo writes no more of that than the drawing needs."""
    tree = xml.etree.ElementTree.fromstring(svg[: svg.index("<script>")] + "</svg>")
    found = []
    for element in tree.iter():
        name = element.tag.split("}")[1]
        if name == "clipPath":
            element.clear()
        elif name in ("path", "rect") and element.get("style"):
            path = element.get("d", "")
            found.append((element.get("style"), re.sub(r"[-\d.]+", "", path), [float(part) for part in re.findall(r"[-\d.]+", path)]))
    head = {name: tree.get(name) for name in ("width", "height", "viewBox")}
    # Headers that the original hides outside of the picture and does not find again in pies.
    return head, [one for one in found if one[2][:2] != [-88, -88]]


def close(a, b, tolerance):
    if isinstance(a, float) or isinstance(b, float):
        return a == b or abs(a - b) <= tolerance * max(1, abs(a), abs(b)) or (a != a and b != b)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(close(a[key], b[key], tolerance) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(close(*pair, tolerance) for pair in zip(a, b))
    return a == b


def difference_of_svg(theirs, ours):
    their_data, our_data = metadata(theirs), metadata(ours)
    for key in sorted({*their_data, *our_data}):
        if not close(their_data.get(key), our_data.get(key), 1e-9):
            return f"metadata {key}: {str(our_data.get(key))[:300]} instead of {str(their_data.get(key))[:300]}"
    (their_head, their_parts), (our_head, our_parts) = elements(theirs), elements(ours)
    if their_head != our_head:
        return f"{our_head} instead of {their_head}"
    for index, (their, our) in enumerate(itertools.zip_longest(their_parts, our_parts)):
        # A 256th of a pixel is cairo's grid.
        if their is None or our is None or their[:2] != our[:2] or not all(
                abs(a - b) <= 2 / 256 for a, b in zip(their[2], our[2])):
            return f"element {index}: {str(our)[:300]} instead of {str(their)[:300]}"
    return None


def pages(pdf):
    text = pdf.decode("latin-1")
    return [[round(float(side), 3) for side in box.split()] for box in re.findall(r"/MediaBox \[ ([-\d. ]+) \]", text)]
