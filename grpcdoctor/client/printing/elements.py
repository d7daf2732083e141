"""What stands in a block, in the order in which it is printed."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final

from grpcdoctor.client.printing.options import Options, by_name

if TYPE_CHECKING:
    from grpcdoctor.client.printing.locations import Locations, Path

# The order of options among the other elements of a block.
FIRST: Final = -1


@dataclass(frozen=True, slots=True)
class Element:
    """`tag` and `index`: its step in a path. `key` orders it among others of its tag, `order` among all.

    Those of a tag with the same `group` (None: alone) are one statement: a oneof, a block `extend`, a list of reserved
    names; neighbours only, unless they are `scattered`. What is `hidden` is written elsewhere: a group's message.
    """

    tag: int
    index: int
    value: Any
    key: tuple[Any, ...] = ()
    order: int = 0
    group: Hashable = None
    scattered: bool = False
    hidden: bool = False

    @property
    def step(self) -> Path:
        """What looks like an option but is a field of the proto itself has a negative index: its number."""
        return (-self.index,) if self.index < 0 else (self.tag, self.index)


def option_elements(tag: int, options: Options, order: int = 0) -> Iterator[Element]:
    """One for each option's name, by name; the value is the list of options."""
    return (Element(tag, number, options[number], key, order) for number, key in by_name(options))


def canonical(elements: Iterable[Element]) -> list[Element]:
    """By kind, and then by number or name."""
    return sorted(elements, key=lambda element: (element.order, element.tag, element.key))


def as_in_source(
    elements: Iterable[Element], locations: Locations, prefix: Path, head: frozenset[int] = frozenset()
) -> list[Element]:
    """What the source does not have goes to the end, except for the tags in `head`, which go to the start."""

    def place(element: Element) -> tuple[int, Path]:
        location = locations.at(prefix + element.step)
        if location is not None:
            return 0, tuple(location.span)
        return (-1 if element.tag in head else 1), ()

    return sorted(elements, key=place)


def statements(elements: list[Element]) -> Iterator[tuple[bool, list[Element]]]:
    """(whether it is the first of its block, the elements that are written as one), without what is hidden."""
    written: set[int] = set()
    for position, element in enumerate(elements):
        if element.hidden or position in written:
            continue
        together = [position] if element.group is None else _members(elements, position)
        written.update(together)
        yield position == 0, [elements[member] for member in together]


def _members(elements: list[Element], first: int) -> list[int]:
    of = elements[first]

    def belongs(position: int) -> bool:
        return (elements[position].tag, elements[position].group) == (of.tag, of.group)

    positions = range(first, len(elements))
    return list(filter(belongs, positions) if of.scattered else takewhile(belongs, positions))
