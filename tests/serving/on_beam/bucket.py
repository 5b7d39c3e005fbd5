"""`tfsocial batch-predict` where bucket://NAME is $BUCKETS/NAME, in a file system of Beam's.

    BUCKETS=FOLDER python bucket.py batch-predict --model=bucket://... ...

Storage that is not this machine's is reached through such a class alone, as gs:// is.
"""

from __future__ import annotations

import os
import sys

from apache_beam.io.filesystem import FileMetadata
from apache_beam.io.localfilesystem import LocalFileSystem

SCHEME = "bucket://"
FOLDER = os.environ["BUCKETS"] + "/"


def local(path):
    assert path.startswith(SCHEME), path
    return FOLDER + path.removeprefix(SCHEME)


class Bucket(LocalFileSystem):
    """Knows nothing but paths that begin with its scheme; what a job needs of it."""

    def __init__(self, pipeline_options):
        super().__init__(pipeline_options)
        self._disk = LocalFileSystem(pipeline_options)

    @classmethod
    def scheme(cls):
        return "bucket"

    def _list(self, dir_or_prefix):
        for item in self._disk._list(local(dir_or_prefix)):
            name = SCHEME + item.path.removeprefix(FOLDER)
            yield FileMetadata(name, item.size_in_bytes, item.last_updated_in_seconds)

    def create(self, path, *args, **kwargs):
        return self._disk.create(local(path), *args, **kwargs)

    def open(self, path, *args, **kwargs):
        return self._disk.open(local(path), *args, **kwargs)

    def rename(self, source_file_names, destination_file_names):
        self._disk.rename(
            [local(path) for path in source_file_names],
            [local(path) for path in destination_file_names],
        )

    def exists(self, path):
        return self._disk.exists(local(path))

    def delete(self, paths):
        self._disk.delete([local(path) for path in paths])


if __name__ == "__main__":
    from tfsocial.__main__ import main

    sys.exit(main(sys.argv[1:]))
