"""LivePortrait as a server: copy this file and nvfair_tool.py into its folder. Never run on the real tool.

It calls the classes that the project's own inference.py uses. The model is loaded once.
"""

import os

from nvfair_tool import serve
from src.config.argument_config import ArgumentConfig
from src.config.crop_config import CropConfig
from src.config.inference_config import InferenceConfig
from src.live_portrait_pipeline import LivePortraitPipeline

pipeline = LivePortraitPipeline(inference_cfg=InferenceConfig(), crop_cfg=CropConfig())
wrapper = pipeline.live_portrait_wrapper
config = wrapper.inference_cfg if hasattr(wrapper, "inference_cfg") else wrapper.cfg
settings = dict(vars(config))


def render(job):
    """Makes one video. options: fields of InferenceConfig, such as flag_relative_motion."""
    unknown = sorted(set(job["options"]) - set(settings))
    if unknown:
        raise ValueError(f"InferenceConfig has no {', '.join(unknown)}")
    # A portrait may have changed the settings, which must not depend on the order of the jobs.
    vars(config).update(settings, **job["options"])
    arguments = ArgumentConfig(source=job["portrait"], driving=job["clip"], output_dir=os.path.dirname(job["out"]))
    video, _ = pipeline.execute(arguments)
    os.replace(video, job["out"])


serve("liveportrait", render)
