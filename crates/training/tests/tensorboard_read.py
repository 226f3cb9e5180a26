"""Reads a folder of event files with TensorBoard's reader; prints {tag: [[step, value, wall_time], ...]}."""

import json
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

reader = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0}, purge_orphaned_data=False)
reader.Reload()
tags = reader.Tags()["scalars"]
print(json.dumps({tag: [[e.step, e.value, e.wall_time] for e in reader.Scalars(tag)] for tag in tags}))
