"""Reading lists of layers: each entry becomes an item, checked for everything that needs no shapes."""

from __future__ import annotations

from costcalc.errors import Problem, Span, suggestion, unknown
from costcalc.expression import Word
from costcalc.kinds import FOLLOWERS, REGISTRY, SPELLINGS, Kind, KindError, compressible
from costcalc.spec.items import BlockItem, BranchItem, Common, Item, LayerItem, PassItem, Signature
from costcalc.spec.tables import COMMON, Scope, TableReader
from costcalc.spec.values import IN_NAMES, Notebook, Value, check_names, identifier, read_value
from costcalc.yamltree import Items, Pairs, Scalar, Tree

JOINS = ("add", "mul", "concat")
STRUCTURES = ("residual", "repeat", "rows")
KIND_SPELLINGS = {
    "conv1d": "conv", "conv2d": "conv", "conv3d": "conv", "convolution": "conv", "dense": "linear", "fc": "linear",
    "fully_connected": "linear", "gemm": "linear", "dw": "depthwise", "dwconv": "depthwise",
    "depthwise_conv": "depthwise", "separable_conv": "separable", "bn": "batch_norm", "batchnorm": "batch_norm",
    "maxpool": "max_pool", "avgpool": "avg_pool", "gap": "global_avg_pool", "globalavgpool": "global_avg_pool",
    "leakyrelu": "leaky_relu", "leaky": "leaky_relu", "lrelu": "leaky_relu", "parametric_relu": "prelu",
    "layer_scale": "scale", "layerscale": "scale", "channel_scale": "scale",
    "hswish": "hard_swish", "hardswish": "hard_swish", "hsigmoid": "hard_sigmoid", "shuffle": "channel_shuffle",
    "vconv2d": "versatile", "vconv": "versatile", "versatile_conv": "versatile",
    "cat": "concat", "concatenate": "concat", "sum": "add", "multiply": "mul",
    "se": "squeeze_excite", "squeeze_excitation": "squeeze_excite", "squeeze_and_excitation": "squeeze_excite",
    "squeeze_and_excite": "squeeze_excite", "winograd": "winograd_conv", "svd_linear": "low_rank_linear",
    "low_rank": "low_rank_linear", "tucker": "tucker_conv", "cp": "cp_conv", "spatially_separable": "spatial_separable",
    **dict.fromkeys((*(f"conv{n}d_transpose" for n in "123"), *(f"conv{n}dtranspose" for n in "123"),
                     *(f"convtranspose{n}d" for n in "123"), *(f"conv_transpose{n}d" for n in "123"), "convtranspose",
                     "deconv", "deconvolution", "transposed_conv"), "conv_transpose"),
    "mixconv": "mixed_depthwise", "mixed_conv": "mixed_depthwise", "mdconv": "mixed_depthwise",
    "ghost_module": "ghost", "ghost_conv": "ghost", "ghostconv": "ghost",
    "octave": "octave_conv", "octconv": "octave_conv",
    "deform_conv": "deformable_conv", "deform_conv2d": "deformable_conv", "deformconv": "deformable_conv",
    "dcn": "deformable_conv", "depth_to_space": "pixel_shuffle", "pixelshuffle": "pixel_shuffle",
    "space_to_depth": "pixel_unshuffle", "pixelunshuffle": "pixel_unshuffle", "reorg": "pixel_unshuffle",
    "layernorm": "layer_norm", "ln": "layer_norm", "groupnorm": "group_norm", "gn": "group_norm",
    "instancenorm": "instance_norm", "instancenorm1d": "instance_norm", "instancenorm2d": "instance_norm",
    "instancenorm3d": "instance_norm", "rmsnorm": "rms_norm", "lrn": "local_response_norm",
    "localresponsenorm": "local_response_norm", "cls_token": "class_token", "pos_embed": "position_embedding",
    "positional_embedding": "position_embedding", "self_attention": "attention", "mha": "attention",
    "msa": "attention", "multihead_attention": "attention", "multiheadattention": "attention",
    "multi_head_attention": "attention", "cross_attention": "attention", "shifted_window_attention": "window_attention",
    "windowattention": "window_attention",
}  # fmt: skip
FIELDS = {"as": "name", "from": "sources", "only_if": "only_if"}  # where `Common` keeps what may stand anywhere
NOT_BRANCHES = "each branch is a list of layers; `[]` is the input itself"


class LayerReader(TableReader):
    """Reads lists of layers; `blocks` are the signatures of the blocks that may be called."""

    def __init__(self, book: Notebook, blocks: dict[str, Signature], defaults: dict[str, dict[str, Value]]) -> None:
        self.book, self.blocks, self.defaults = book, blocks, defaults
        self.calls: dict[str, list[tuple[str, Span]]] = {}  # block: the blocks it calls
        self.caller = ""

    def layers(self, tree: Tree | None, scope: Scope, where: Span) -> tuple[Item, ...]:
        """The items of a list of layers; problems are noted."""
        if tree is None:
            self.book.add("`layers` is missing", where, "give it a list of layers, each beginning with `- `")
            return ()
        if _empty(tree) or (isinstance(tree, Items) and not tree.items):
            self.book.add("the list of layers is empty", tree.span, "each layer begins with `- `")
            return ()
        if not isinstance(tree, Items):
            self.book.add("a list of layers is expected", tree.span, "begin each layer with `- `")
            return ()
        items = [item for entry in tree.items if (item := self.item(entry, scope)) is not None]
        self.unique_names(items)
        return tuple(items)

    def unique_names(self, items: list[Item]) -> None:
        """Notes names given twice in one list, unless both layers have conditions: then they may be alternatives."""
        seen: dict[str, Common] = {}
        for common in (item.common for item in items if item.common.name is not None):
            earlier = seen.setdefault(str(common.name), common)
            if earlier is not common and (earlier.only_if is None or common.only_if is None):
                message = f"the name `{common.name}` is used twice in one list"
                notes = (f"first used in line {earlier.span.line}",)
                self.book.add(message, common.span, "rename one of them", notes)

    def item(self, tree: Tree, scope: Scope) -> Item | None:
        """One entry of a list; None, with a problem noted, where it is no layer."""
        if isinstance(tree, Scalar) and not tree.text:
            self.book.add("a layer is missing", tree.span, "write its kind, as in `- relu`")
            return None
        if isinstance(tree, Scalar):
            return self.named(tree, None, Common(tree.span), scope)
        if isinstance(tree, Items):
            help_ = "branches belong under `add`, `mul`, `concat`; give `residual` one list"
            self.book.add("a layer is expected here, not a list", tree.span, help_)
            return None
        heads = [(key, value) for key, value in tree.pairs if key.text not in COMMON]
        if len(heads) > 1:
            keys = ", ".join(f"`{key.text}`" for key, _ in heads[:4])
            help_ = "begin each layer with `- `; attributes go into braces or are indented below the kind"
            self.book.add(f"a layer has one kind, and here are {keys}", heads[1][0].span, help_)
            return None
        common = self.common(Common(heads[0][0].span if heads else tree.span), tree.pairs, scope)
        if heads:
            return self.named(*heads[0], common, scope)
        if common.sources is None:
            help_ = "write its kind first, as in `conv: {out: 32, as: stem}`"
            self.book.add("a layer without a kind", tree.span, help_)
            return None
        return PassItem(common)

    def named(self, key: Scalar, value: Tree | None, common: Common, scope: Scope) -> Item | None:
        """The item whose kind, block or structure is `key`."""
        value = None if value is None or _empty(value) else value
        name = key.text
        if name in JOINS:
            return self.join(key, value, common, scope)
        if name == "residual":
            return BranchItem(common, name, (self.layers(value, scope, key.span),))
        if name == "rows":
            return self.rows(key, value, common, scope)
        if name == "repeat":
            return self.repeat(key, value, common, scope)
        if name in self.blocks:
            return self.block(key, value, common, scope)
        if name in REGISTRY:
            return self.layer(key, value, common, scope)
        right = KIND_SPELLINGS.get(name.lower().replace("-", "_"))
        near = suggestion(name, [*self.blocks, *STRUCTURES, *REGISTRY])
        known = "".join(f", `{block}`" for block in self.blocks)
        help_ = "`costcalc list kinds` has the kinds" + (f"; blocks here: {known[2:]}" if known else "")
        help_ = f"it is called `{right}` here" if right else f"did you mean `{near}`?" if near else help_
        self.book.add(f"unknown kind or block `{name}`", key.span, help_)
        return None

    def common(self, common: Common, pairs: list[tuple[Scalar, Tree]], scope: Scope) -> Common:
        """`common` with the `as`, `from` and `only_if` among the pairs."""
        for key, value in pairs:
            if key.text in COMMON and getattr(common, FIELDS[key.text]) is not None:
                message = f"`{key.text}` is given twice, beside the kind and among its attributes"
                self.book.add(message, key.span, "keep one of them")
            if key.text == "as":
                name = identifier(value, "a layer", self.book)
                if name == "input":
                    self.book.add("`input` cannot be the name of a layer", value.span, "it is the network's input")
                common = common._replace(name=name)
            elif key.text == "from":
                entries = value.items if isinstance(value, Items) else [value]
                sources = [(n, e.span) for e in entries if (n := identifier(e, "a tensor", self.book))]
                if not entries:
                    self.book.add("`from` names no tensor", key.span, "as in `from: stem` or `from: [a, b]`")
                common = common._replace(sources=tuple(sources))
            elif key.text == "only_if":
                common = common._replace(only_if=self.number(value, scope))
        return common

    def attributes(
        self, key: Scalar, value: Tree | None, common: Common, scope: Scope
    ) -> tuple[Common, list[tuple[Scalar, Tree]]]:
        """What is common to all items, and the pairs that are this one's own."""
        if value is None:
            return common, []
        if not isinstance(value, Pairs):
            help_ = f"as in `{key.text}: {{{self.example(key.text)}: ...}}`"
            self.book.add(f"`{key.text}` takes named attributes", value.span, help_)
            return common, []
        own = [pair for pair in value.pairs if pair[0].text not in COMMON]
        return self.common(common, value.pairs, scope) if len(own) < len(value.pairs) else common, own

    def example(self, name: str) -> str:
        """An attribute of a kind or structure, or an argument of a block: a required one where there is any."""
        if name in self.blocks:
            arguments = self.blocks[name].arguments
            return next((a for a, default in arguments.items() if default is None), next(iter(arguments), "as"))
        if name in REGISTRY:
            attributes = REGISTRY[name].attributes
            return next((a for a in attributes if attributes[a].required), next(iter(attributes), "as"))
        return {"repeat": "n", "rows": "columns"}.get(name, "from")

    def layer(self, key: Scalar, value: Tree | None, common: Common, scope: Scope) -> Item:
        """A layer of a kind."""
        cls = REGISTRY[key.text]
        before = len(self.book.problems)
        common, pairs = self.attributes(key, value, common, scope)
        values = {**self.defaults.get(cls.name, {}), **self.kind_values(cls, pairs, scope)}
        missing = [name for name, a in cls.attributes.items() if a.required and name not in values]
        if missing and len(self.book.problems) == before:  # else the missing one may be the misspelt one
            names = ", ".join(f"`{name}`" for name in missing)
            help_ = f"as in `{cls.name}: {{{missing[0]}: ...}}`: {cls.attributes[missing[0]].doc}"
            self.book.add(f"`{cls.name}` lacks {names}", key.span, help_)
        return LayerItem(common, cls, values)

    def kind_values(self, cls: type[Kind], pairs: list[tuple[Scalar, Tree]], scope: Scope) -> dict[str, Value]:
        """The attribute values of a layer; those that need no names are checked in full."""
        values = {}
        for key, tree in pairs:
            name = key.text
            followers = FOLLOWERS.get(name) if cls.followers else None
            if name == "compress" and compressible(cls):
                from costcalc.spec.compress import read_compress  # few specs compress anything

                values.update(read_compress(tree, scope, self.book))
            elif followers is None and name not in cls.attributes:
                self.unknown_attribute(cls, key)
            elif followers is None and cls.attributes[name].text and isinstance(tree, Scalar):
                values[name] = Value(Word(tree.text), tree.span)
            elif value := read_value(tree, self.book):
                self.check_value(cls, name, value, scope, followers)
                values[name] = value
        return values

    def check_value(
        self, cls: type[Kind], name: str, value: Value, scope: Scope, followers: tuple[str, ...] | None
    ) -> None:
        """Notes what is wrong with the value of an attribute, whatever the shapes."""
        words = (*followers, "none") if followers else cls.attributes[name].words
        if not check_names(value, scope | IN_NAMES, words, self.book) or not value.constant:
            return
        if followers:
            self.book.add(f"`{name}` must be a word", value.span, f"one of {', '.join(words)}")
            return
        try:
            cls.attributes[name].read(value.evaluate({}))
        except KindError as error:
            self.book.add(error.message, value.span, error.help)

    def unknown_attribute(self, cls: type[Kind], key: Scalar) -> None:
        own = [*(FOLLOWERS if cls.followers else ()), *(["compress"] if compressible(cls) else [])]
        known = [*cls.attributes, *own, *COMMON]
        right = SPELLINGS.get(key.text)
        help_ = f"it is called `{right}` here" if right in known else unknown("attribute", key.text, known).help
        help_ = cls.lacks.get(key.text, help_)
        if key.text == "compress":
            able = ", ".join(f"`{name}`" for name, kind in REGISTRY.items() if compressible(kind))
            help_ = f"these can: {able}"
        if key.text in COMMON:  # stripped from layers, so this is one of `defaults`
            help_ = f"`{key.text}` belongs to one layer, and has no default"
        self.book.add(f"`{cls.name}` has no attribute `{key.text}`", key.span, help_)

    def block(self, key: Scalar, value: Tree | None, common: Common, scope: Scope) -> Item:
        """A call of a block."""
        signature, name = self.blocks[key.text], key.text
        self.calls.setdefault(self.caller, []).append((name, key.span))
        common, pairs = self.attributes(key, value, common, scope)
        values = {}
        for argument, tree in pairs:
            if argument.text not in signature.arguments:
                near = suggestion(argument.text, signature.arguments)
                takes = ", ".join(f"`{n}`" for n in signature.arguments) or "none"
                help_ = f"did you mean `{near}`?" if near else f"it takes {takes}"
                self.book.add(f"block `{name}` has no argument `{argument.text}`", argument.span, help_)
            elif given := read_value(tree, self.book):
                check_names(given, scope | IN_NAMES, self.book.words, self.book)
                values[argument.text] = given
        missing = [f"`{n}`" for n, default in signature.arguments.items() if default is None and n not in values]
        if missing and len(pairs) == len(values):  # else the missing one may be the misspelt one
            example = f"as in `{name}: {{{missing[0].strip('`')}: ...}}`"
            self.book.add(f"block `{name}` lacks the argument {', '.join(missing)}", key.span, example)
        incoming = 1 if common.sources is None else len(common.sources)
        if incoming != signature.tensors:
            message = (
                f"block `{name}` takes {signature.tensors} tensor{'s' * (signature.tensors > 1)}, and gets {incoming}"
            )
            help_ = "name them with `from`, as in `from: [a, b]`"
            if incoming > signature.tensors:
                help_ = f"name what `{name}` takes in the block, as in `inputs: [a, b]`"
            self.book.problems.append(Problem(message, key.span, help_))
        return BlockItem(common, name, values)

    def join(self, key: Scalar, value: Tree | None, common: Common, scope: Scope) -> Item | None:
        """`add: [branch, branch]`, or `add: {from: [a, b]}`, or `add` with `from` beside it."""
        name = key.text
        if isinstance(value, Pairs) or value is None:
            common, pairs = self.attributes(key, value, common, scope)
            for attribute, _ in pairs:
                self.unknown_attribute(REGISTRY[name], attribute)
            if common.sources is not None and len(common.sources) > 1:
                return LayerItem(common, REGISTRY[name], {})
            help_ = f"as in `{name}: [[], [relu]]` or `{name}: {{from: [a, b]}}`; `[]` is the input itself"
            self.book.add(f"`{name}` needs two or more branches", key.span, help_)
            return None
        if not isinstance(value, Items) or len(value.items) < 2:
            self.book.add(f"`{name}` needs two or more branches", value.span, NOT_BRANCHES)
            return None
        return BranchItem(common, name, tuple(self.branch(name, tree, scope) for tree in value.items))

    def branch(self, name: str, tree: Tree, scope: Scope) -> tuple[Item, ...]:
        if isinstance(tree, Items):
            return self.layers(tree, scope, tree.span) if tree.items else ()
        help_ = "put it in brackets, or begin its layers with `- - `; `[]` is the input itself"
        self.book.add(f"a branch of `{name}` must be a list of layers", tree.span, help_)
        return ()


def _empty(tree: Tree) -> bool:
    """Whether nothing is written there."""
    return isinstance(tree, Scalar) and not tree.text and not tree.quoted
