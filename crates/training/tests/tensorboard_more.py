"""Reads images, histograms and settings of a folder of event files with TensorBoard's own readers; prints them as JSON."""

import json
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

reader = EventAccumulator(sys.argv[1], size_guidance={"images": 0, "histograms": 0})
reader.Reload()
tags = reader.Tags()
content = reader.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
session = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
images = {tag: reader.Images(tag)[0] for tag in tags["images"]}
histograms = {tag: reader.Histograms(tag)[0].histogram_value for tag in tags["histograms"]}
print(json.dumps({
    "settings": {name: getattr(value, value.WhichOneof("kind")) for name, value in session.hparams.items()},
    "images": {tag: [i.step, i.width, i.height, i.encoded_image_string.decode()] for tag, i in images.items()},
    "histograms": {tag: [h.min, h.max, h.num, h.sum, list(h.bucket)] for tag, h in histograms.items()},
}))
