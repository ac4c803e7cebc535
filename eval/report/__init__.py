"""From JSON results to one HTML page; nothing is judged again.

results        reading, names, which stand side by side
shapes         what can be drawn of a result
plots          what its plots show; band, search_plots with them
tables         tables of verification; searches, better, comparable: of the rest
sections       one list's part of the page; html: all of it
paper          plots as PNG and PDF; spreadsheets: CSV; markdown
command        `python -m eval report`
"""

from eval.report.command import add_arguments, run

__all__ = ["add_arguments", "run"]
