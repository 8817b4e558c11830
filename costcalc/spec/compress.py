"""`compress` in a spec: how the weights of a layer are stored, read from its mapping and evaluated where it stands."""

from __future__ import annotations

from collections.abc import Sequence

from costcalc.errors import unknown
from costcalc.kinds import REGISTRY, KindError
from costcalc.network import Node
from costcalc.shape import Shape
from costcalc.spec.scope import Diagnosis, Scope, substituted
from costcalc.spec.values import IN_NAMES, Notebook, Value, check_names, read_value
from costcalc.storage import SCHEME, Scheme, check, read, stored
from costcalc.storage.scheme import EXAMPLES
from costcalc.yamltree import Pairs, Scalar, Tree

# Other words for its attributes: each is an error that names the right one.
OTHERWISE = {
    "weight_bits": "`bits`", "bitwidth": "`bits`", "bit_width": "`bits`", "w_bits": "`bits`",
    "a_bits": "`activation_bits`",
    "group_size": "`scales`", "sparsity": "`density`, which is 1 - sparsity,", "codebook": "`clusters`",
    "centroids": "`clusters`", "hash": "`hashed`", "binarize": "`binary`", "xnor": "`binary: both`",
}  # fmt: skip


def read_compress(tree: Tree, scope: frozenset[str], book: Notebook) -> dict[str, Value]:
    """`compress` among the values of a layer; nothing, with problems noted, where it cannot be.

    `none` stands for a layer that is stored as it is, whatever the defaults of its kind.
    """
    if isinstance(tree, Scalar) and tree.text == "none":
        return {"compress": Value({}, tree.span)}
    if not isinstance(tree, Pairs):
        book.add("`compress` takes named attributes", tree.span, f"{EXAMPLES}, or none")
        return {}
    before, values = len(book.problems), {}
    for key, value in tree.pairs:
        if key.text not in SCHEME:
            right = OTHERWISE.get(key.text)
            help_ = f"it is called {right} here" if right else unknown("attribute", key.text, SCHEME).help
            book.add(f"`compress` has no attribute `{key.text}`", key.span, help_)
        elif found := read_value(value, book):
            if check_names(found, scope | IN_NAMES, SCHEME[key.text].words, book) and found.constant:
                _check(key.text, found, book)
            values[key.text] = found
    if len(book.problems) > before:
        return {}
    try:
        check(values)
    except KindError as error:
        keys = {key.text: key.span for key, _ in tree.pairs}
        book.add(error.message, keys.get(error.attribute or "", tree.span), error.help)
        return {}
    return {"compress": Value(values, tree.span)}


def _check(name: str, value: Value, book: Notebook) -> None:
    """Notes what is wrong with a value that is the same everywhere."""
    try:
        SCHEME[name].read(value.evaluate({}))
    except KindError as error:
        book.add(error.message, value.span, error.help)


def compressed(node: Node, value: Value, inputs: Sequence[Shape], scope: Scope, diagnosis: Diagnosis) -> Node:
    """The node with its scheme, which fits its weights; without one, and a problem noted, where it does not."""
    given = value.content
    found = {name: diagnosis.evaluate(part, scope) for name, part in given.items()}
    if not found or None in found.values():
        return node
    try:
        values = read(found)
        kind = REGISTRY[node.kind](node.attributes)
        census = kind.count(inputs, node.output)
        if census is not None:
            stored(Scheme(values), kind.banks(inputs, node.output), census, 1)
    except KindError as error:
        part = given.get(error.attribute or "", value)
        shown = substituted(part, scope) if part is not value else ()
        diagnosis.add(error.message, part.span, error.help, (*shown, f"layer `{node.path}`, output {node.output}"))
        return node
    return node._replace(compress=values)
