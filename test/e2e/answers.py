"""Answers of the query API made comparable."""

from lib import labels_of, same_number  # noqa: F401


def read(answer):
    """(status, errorType or None, data) of one response."""
    if answer.headers.get_content_type() != "application/json":
        return answer.status, answer.text[:100], None
    envelope = answer.json()
    return answer.status, envelope.get("errorType"), envelope.get("data")


def ask(server, path, params):
    return read(server.get("/api/v1/" + path, **params))


def normal(data):
    """Something comparable: type and {labels: [(t, number or text)]}."""
    kind, result = data["resultType"], data["result"]
    if kind == "scalar":
        return kind, {(): [(float(result[0]), float(result[1]))]}
    if kind == "string":
        return kind, {(): [(float(result[0]), result[1])]}
    found = {}
    for series in result:
        points = series["values"] if kind == "matrix" else [series["value"]]
        labels = labels_of(series["metric"])
        if labels in found:
            return kind, f"the label set {labels} appears twice"
        found[labels] = [(float(t), float(v)) for t, v in points]
    return kind, found


def difference(ours, theirs, relative, absolute):
    """None when two normal answers are equal, a sentence otherwise."""
    if ours[0] != theirs[0]:
        return f"type {ours[0]}, want {theirs[0]}"
    ours, theirs = ours[1], theirs[1]
    if isinstance(ours, str):
        return ours
    if isinstance(theirs, str):
        return "here not: " + theirs
    if ours.keys() != theirs.keys():
        more, less = sorted(ours.keys() - theirs.keys()), sorted(theirs.keys() - ours.keys())
        return f"{len(more)} series too many {more[:2]}, {len(less)} missing {less[:2]}"
    for labels, want in theirs.items():
        got = ours[labels]
        if [t for t, _ in got] != [t for t, _ in want]:
            odd = sorted({t for t, _ in got} ^ {t for t, _ in want})
            return f"{dict(labels)}: {len(got)} points, want {len(want)}; first only on one side {odd[:3]}"
        for (t, left), (_, right) in zip(got, want):
            if isinstance(right, str):
                if left != right:
                    return f"{left!r}, want {right!r}"
            elif not same_number(left, right, relative, absolute):
                return f"{dict(labels)} at {t}: {left!r}, want {right!r}"
    return None
