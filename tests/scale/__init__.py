"""Several machines, as processes of one: `make test-scale`. Nothing else runs these tests."""
