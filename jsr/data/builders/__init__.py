"""TFDS data sets stored as ArrayRecord, prepared and read without TensorFlow.

`paired_folder.py` and `div2k.py` prepare; `records.py` reads what is prepared, by
these builders or by any other that wrote ArrayRecord.
"""
