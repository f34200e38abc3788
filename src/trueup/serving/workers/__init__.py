"""Several processes behind one port: one parent, which answers nothing, and its workers."""
