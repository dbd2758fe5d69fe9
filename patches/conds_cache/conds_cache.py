"""Voices that were prepared before: the newest few of a model, by the file they came from."""

import dataclasses
import os
from collections import OrderedDict

import torch

MOST_VOICES = 16


def voice_key(path, *settings):
    """What a prepared voice depends on; None for something that is not a file on disk."""
    try:
        state = os.stat(path)
    except (OSError, TypeError, ValueError):
        return None
    return os.path.realpath(path), state.st_mtime_ns, state.st_size, *settings


def recall(model, attribute, key):
    """Set the model's attribute to a voice prepared before; False when there is none."""
    voices = model.__dict__.get("_voices", {})
    if key not in voices:
        return False
    voices.move_to_end(key)
    setattr(model, attribute, copied(voices[key]))
    return True


def remember(model, attribute, key):
    if key is None:
        return
    voices = model.__dict__.setdefault("_voices", OrderedDict())
    voices[key] = copied(getattr(model, attribute))
    while len(voices) > MOST_VOICES:
        voices.popitem(last=False)


def copied(voice):
    """Containers anew, because generating puts other tensors into them; tensors without history.

    A reference's speaker embedding drags along everything autograd saved for it, about 470 MB.
    """
    if isinstance(voice, dict):
        return {key: detached(value) for key, value in voice.items()}
    fields = {key: detached(value) for key, value in vars(voice.t3).items()}
    return dataclasses.replace(voice, t3=type(voice.t3)(**fields), gen=copied(voice.gen))


def detached(value):
    return value.detach() if torch.is_tensor(value) else value
