"""Package metadata. The stack itself (torch, mmcv-full, mmseg) is never installed or
upgraded from here, nor OpenCV, which mmcv brings under one of its two names: see
requirements.txt for the versions that are supported."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
version = re.search(
    r"^__version__ = '(.+)'", (HERE / 'hacdr/__init__.py').read_text(), re.M
)[1]

setup(
    name='hacdr',
    version=version,
    description='HACDR-Net for mmsegmentation: lesions of diabetic retinopathy',
    long_description=(HERE / 'README.md').read_text(),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    py_modules=['hacdr_cli'],
    packages=find_packages(include=['hacdr', 'hacdr.*']),
    package_data={'hacdr.report': ['page/*']},
    entry_points={'console_scripts': ['hacdr=hacdr_cli:main']},
    python_requires='>=3.8,<3.15',
    install_requires=[
        'jinja2',
        'numba',
        'numpy',
        'pillow>=9.1',
        'safetensors',
        'scipy',
        'tqdm',
    ],
    # hacdr_cli.EXTRAS names them where a package is missing.
    extras_require={
        'report': ['matplotlib>=3.5'],
        'onnx': ['onnxruntime>=1.25', 'opencv-python-headless'],
        'export': ['onnx>=1.16', 'onnxruntime>=1.25'],
        'dicom': ['pydicom>=3', 'python-gdcm'],
    },
)
