"""The report: one self-contained HTML page that tells an experiment from its ledger's records.

No Ray here and no picture drawn beforehand: a page is a template, figures as data, and plotly.js inside.
"""
