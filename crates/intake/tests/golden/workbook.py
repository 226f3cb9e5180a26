"""Writes workbook.xlsx with openpyxl 3.1.5: a sheet of notes, and one with a table as people keep it."""

import datetime
import pathlib

import openpyxl

book = openpyxl.Workbook()
notes = book.active
notes.title = "Notes"
notes["A1"] = "Readings of pump 3"

sheet = book.create_sheet("Readings")
sheet["B2"] = "Pump 3, May 2024"
sheet.merge_cells("B2:E2")
sheet.append([])
sheet.append([None, "time", "level", "state", "running"])
start = datetime.datetime(2024, 5, 31, 23, 58)
for row in range(6):
    level = [1.25, 2, None, "#N/A", 1e-05, -3.5][row]
    state = ["on", 'off, "late"', "on", "on\nhold", "on", "off"][row]
    sheet.append([None, start + datetime.timedelta(minutes=row), level, state, row % 2 == 0])

book.save(pathlib.Path(__file__).with_name("workbook.xlsx"))
