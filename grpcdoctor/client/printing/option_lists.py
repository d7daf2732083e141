"""Options as they are written: statements in a block, or a list in brackets after a field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grpcdoctor.client.printing.elements import Element, option_elements
from grpcdoctor.client.printing.writer import inline

if TYPE_CHECKING:
    from grpcdoctor.client.printing.locations import Path
    from grpcdoctor.client.printing.options import Option, Options
    from grpcdoctor.client.printing.printer import Printer

# A list with more options, or with more bytes between its brackets, has one option a line.
_MOST_IN_A_LINE: Final = 3
_LONGEST_LINE: Final = 50
_BRACKETS: Final = len(" []")


def print_statements(printer: Printer, element: Element, path: Path, depth: int) -> None:
    """`option x = 1;` for each value of one option; `path` is the option's."""
    for index, option in enumerate(element.value):
        with printer.part((*path, index), depth):
            printer.out.indent(depth)
            printer.out.write("option ")
            _print_option(printer, option, depth)
            printer.out.write(";")


def print_bracketed(printer: Printer, options: Options, tag: int, path: Path, depth: int) -> None:
    """Nothing where there are none; `path` is the element's, `tag` that of its options."""
    elements = printer.arranged(option_elements(tag, options), path)
    if not elements:
        return
    if sum(len(element.value) for element in elements) > _MOST_IN_A_LINE:
        _print_list(printer, elements, path, depth, split=True)
        return
    main = printer.out
    printer.out = main.aside()
    _print_list(printer, elements, path, depth, split=False)
    line, printer.out = printer.out, main
    if len(line.text().encode()) - _BRACKETS > _LONGEST_LINE:
        _print_list(printer, elements, path, depth, split=True)
    else:
        main.take(line)


def _print_list(printer: Printer, elements: list[Element], path: Path, depth: int, split: bool) -> None:
    inner = depth + 1 if split else inline(depth)
    options = [(element, index, option) for element in elements for index, option in enumerate(element.value)]
    printer.out.write("[\n" if split else "[")
    for position, (element, index, option) in enumerate(options, start=1):
        option_path = (*path, *element.step)
        with printer.part(option_path if element.index < 0 else (*option_path, index), inner):
            printer.out.indent(inner)
            _print_option(printer, option, inner)
            if position < len(options):
                printer.out.write(",\n" if split else ", ")
    if split:
        printer.out.indent(depth)
    printer.out.write("] ")


def _print_option(printer: Printer, option: Option, depth: int) -> None:
    printer.out.write(f"{option.name} = ")
    printer.out.write(printer.literals.option(option.value, depth))
