"""How many points the distances are taken between: exact transport is cubic, so that each occasion has its own number.

W1 depends on the number: only distances of equal numbers of points can be compared.
"""

#: Of a live frame.
LIVE_POINTS = 500

#: Of a paused run's measurement.
PAUSED_POINTS = 2000

#: Of a report, such as the command line's.
REPORT_POINTS = 2500
