"""What the pages tell: systems, papers, reports, programs, data sets.

Names of people, titles and numbers stand as they were printed; sentences of ours are
translated. `tests/web/test_facts.py` compares all of it with the repository.
"""
