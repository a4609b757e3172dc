"""Library: every run that was kept, to open, compare, name, pin and delete."""

from toygan.ui import library, server

server.enter()
library.page(library.store(), library.to_train, library.to_compare)
