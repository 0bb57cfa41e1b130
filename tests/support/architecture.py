"""Reads the drawing of floors and finds what breaks it in the source; imports none of it."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOF = "loyalty"
STAIRS = ("models", "queries", "service", "schemas", "routes")  # from the lowest up
DOORSTEPS = {"routes", "guard", "doors"}  # inside a slice: the JSON API, its parts, its guards
PURE = {"models", "queries", "service"}
WEB = re.compile(r"(flask(_\w+)?|werkzeug)\b")
SHAPES = re.compile(r"(marshmallow|webargs)\b")  # a helper may check a document with them
CLOCK = re.compile(r"\b(system_now|(datetime|date)\.(now|utcnow|today)|time\.time)$")
TRANSACTION = re.compile(r"\b(transaction|reading)$")
ENVIRONMENT = re.compile(r"\bos\.(environb?|getenvb?|putenv)\b")


class Drawing:
    """Packages by floor, from the doors down to the ground."""

    def __init__(self, docstring):
        row = re.compile(r"^ +[a-z]+ {2,}([a-z_]+(?: [a-z_]+)*)(?: {2,}.*)?$", re.MULTILINE)
        self.floors = [packages.split() for packages in row.findall(docstring)]

    def height(self, package):
        """Return 0 for the ground, 1 for the floor above, …; None for what is not drawn."""
        heights = enumerate(reversed(self.floors))
        return next((height for height, packages in heights if package in packages), None)

    @property
    def doors(self):
        return self.floors[0]

    @property
    def ground(self):
        return self.floors[-1]


@dataclass(frozen=True)
class Name:
    """The dotted name of a module: `loyalty.<package>.<stair>.…`."""

    text: str

    @property
    def package(self):
        return f"{self.text}.".split(".")[1]

    @property
    def stair(self):
        """Return `service` for `loyalty.ledger.service.post`, `kernel` for a helper."""
        return f"{self.text}..".split(".")[2]


class Source:
    """One file: what it imports, calls and reads."""

    def __init__(self, path, text):
        self.path = path
        self.name = Name(re.sub(r"(/__init__)?\.py$", "", path).replace("/", "."))
        self.tree = ast.parse(text)

    def imports(self, known):
        """Yield line and name of all imports: of a module if it is `known`, or of what holds it."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, Name(alias.name)) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                origin = self._origin(node)
                for alias in node.names:
                    inner = f"{origin}.{alias.name}"
                    yield node.lineno, Name(inner if inner in known else origin)

    def _origin(self, node):
        if not node.level:
            return node.module
        parts = self.name.text.split(".")
        above = parts[: len(parts) - node.level + self.path.endswith("/__init__.py")]
        return ".".join([*above, *filter(None, [node.module])])

    def calls(self):
        """Yield line and text of what is called, like `db.transaction`."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                yield node.lineno, ast.unparse(node.func)

    def words(self):
        """Yield line and text of dotted names and of imported ones, like `os.environ`."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute):
                yield node.lineno, ast.unparse(node)
            elif isinstance(node, ast.ImportFrom):
                yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


class House:
    """All sources under one drawing."""

    def __init__(self, drawing: Drawing, files: dict[str, str]):
        """Take texts by file name, as `loyalty/ledger/service.py`."""
        self.drawing = drawing
        self.sources = [Source(path, text) for path, text in files.items()]

    @classmethod
    def standing(cls, root: Path) -> "House":
        """Read the house that stands below `root`, with the drawing in its roof."""
        files = {
            path.relative_to(root).as_posix(): path.read_text()
            for path in sorted(root.glob(f"{ROOF}/**/*.py"))
        }
        return cls(Drawing(ast.get_docstring(ast.parse(files[f"{ROOF}/__init__.py"]))), files)

    def faults(self) -> list[str]:
        """Return a sentence for each place that breaks a rule."""
        return [
            f"{source.path}:{line} {fault}"
            for source in self.sources
            for line, fault in self._faults_of(source)
        ]

    def _faults_of(self, source) -> Iterator[tuple[int, str]]:
        name, drawing = source.name, self.drawing
        for line, text in source.words():
            if ENVIRONMENT.search(text):
                yield line, "reads the environment, which only config/ does."
        if name.text == ROOF or name.package in drawing.doors:
            return
        if drawing.height(name.package) is None:
            yield 1, f"stands on no floor: draw `{name.package}` in {ROOF}/__init__.py."
        elif name.stair not in DOORSTEPS:
            yield from self._faults_of_imports(source)
            if name.package not in drawing.ground:
                yield from self._faults_of_calls(source)
            if name in self._pure:
                yield from self._impurities(source)

    def _faults_of_imports(self, source):
        for line, imported in source.imports(self._known):
            if fault := self._fault_of_import(source.name, imported):
                yield line, f"imports {imported.text}, {fault}"

    def _faults_of_calls(self, source):
        for line, called in source.calls():
            if TRANSACTION.search(called):
                yield line, f"calls {called}(), but only doors open a transaction."

    def _fault_of_import(self, name, imported):
        here, there = self.drawing.height(name.package), self.drawing.height(imported.package)
        if imported.text == ROOF:
            return "the roof, which knows everything below it."
        if not imported.text.startswith(f"{ROOF}.") or there is None:
            return None
        if imported.stair in DOORSTEPS or imported.package in self.drawing.doors:
            return "a door: doors know the rooms, not the other way round."
        if name.package == imported.package:
            leads_to = self._highest_stair(imported)
            if name.stair in STAIRS and leads_to > STAIRS.index(name.stair):
                return f"which leads up the stairs, from {name.stair} to {STAIRS[leads_to]}."
        elif there == here:
            return "which is on the same floor: the story above tells both, or an event does."
        elif there > here:
            return "which is on a floor above: imports only go down."
        elif imported.stair == "schemas" and name in self._pure:
            return "the shapes of the API: the domain does not know them."
        return None

    def _impurities(self, source):
        for line, imported in source.imports(self._known):
            shapes = source.name.stair in PURE and SHAPES.match(imported.text)
            if shapes or WEB.match(imported.text):
                yield line, f"imports {imported.text}, but the domain does not know the web."
        for line, text in [*source.words(), *source.calls()]:
            if CLOCK.search(text):
                yield line, f"asks {text} for the time: it is told the time, as `now`."

    @cached_property
    def _known(self):
        names = {source.name.text for source in self.sources}
        return names | {name.rsplit(".", 1)[0] for name in names if "." in name}

    @cached_property
    def _pure(self):
        """Services, queries, models and the helpers in their slice that these import."""
        pure = {source.name for source in self.sources if source.name.stair in PURE}
        grown = None
        while grown != len(pure):
            grown = len(pure)
            for source in self.sources:
                if source.name in pure:
                    pure.update(self._helpers_of(source))
        return {name for name in pure if name.package not in self.drawing.ground}

    def _helpers_of(self, source):
        for _line, imported in source.imports(self._known):
            inside = imported.package == source.name.package and imported.stair
            if inside and imported.text.startswith(f"{ROOF}.") and imported.stair not in STAIRS:
                yield imported

    def _highest_stair(self, name, seen=frozenset()):
        """Return the stair of a module; a helper is as high as the highest stair it imports."""
        if name.stair in STAIRS:
            return STAIRS.index(name.stair)
        return max(
            (
                self._highest_stair(imported, seen | {name})
                for source in self.sources
                if source.name == name
                for _line, imported in source.imports(self._known)
                if imported.package == name.package and imported not in seen | {name}
            ),
            default=-1,
        )
