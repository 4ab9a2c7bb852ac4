#!/bin/sh
# What of tests/quality/toys.sh takes seconds.
exec sh "${abs_top_srcdir:-.}/tests/quality/toys.sh" --short
