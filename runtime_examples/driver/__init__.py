"""What is the same in every language, once: usage, tables, golden cases, timing, over a program's ``run`` mode."""
