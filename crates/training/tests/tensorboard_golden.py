"""Prints the golden records of src/tensorboard_tests.rs, written by TensorBoard's own RecordWriter.

    pip install tensorboard==2.21.0 && python3 tensorboard_golden.py
"""

import io

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter


def record(event):
    file = io.BytesIO()
    RecordWriter(file).write(event.SerializeToString(deterministic=True))
    return file.getvalue().hex()


print(record(Event(wall_time=1.5, file_version="brain.Event:2")))
value = Summary.Value(tag="train/loss", simple_value=0.1)
print(record(Event(wall_time=2.5, step=300, summary=Summary(value=[value]))))
