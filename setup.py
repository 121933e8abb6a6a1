"""What pip installs. The stack itself (torch, mmcv-full, mmseg) is never installed or
upgraded from here, nor OpenCV, which mmcv brings under one of its two names: see
requirements.txt for the versions that are supported."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
# The address of the repository. None until a release fills it in: the package carries
# no false one.
HOME = None

# What a user needs beside the code, and mim looks for in hacdr/.mim.
SHIPPED = 'configs', 'tools', 'weights', 'model-index.yml'
# Of tools/, what serves this repository alone.
KEPT_BACK = shutil.ignore_patterns(
    '__pycache__',
    'benchmark*',
    'demo.sh',
    'environment',
    'gpu_*.sh',
    'make_wheels.py',
    'model_zoo.py',
    'setup_env*',
    'site.py',
    'soak.py',
)


class BuildWithMim(build_py):
    """Copy what is shipped into hacdr/.mim of what is built."""

    def run(self):
        super().run()
        # An editable install finds it in the clone.
        if getattr(self, 'editable_mode', False):
            return
        mim = Path(self.build_lib) / 'hacdr' / '.mim'
        shutil.rmtree(mim, ignore_errors=True)
        for name in SHIPPED:
            source, target = HERE / name, mim / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=KEPT_BACK)
            else:
                shutil.copy(source, target)
        if HOME:
            metafile = mim / 'configs' / 'metafile.yml'
            metafile.write_text(with_addresses(metafile.read_text()))


def with_addresses(metafile):
    """Let mim download the weights that a metafile names by their paths."""
    return re.sub(
        r'(?<=Weights: )(?=weights/)', f'{HOME}/raw/v{read_version()}/', metafile
    )


def read_version():
    text = (HERE / 'hacdr' / '__init__.py').read_text()
    return re.search(r"^__version__ = '(.+)'", text, re.M)[1]


def read_readme():
    """Links lead to the repository: beside the package's page there are no files."""
    text = (HERE / 'README.md').read_text()
    if HOME is None:
        return text
    return re.sub(r'\]\((?![a-z]+:|#)', f']({HOME}/blob/v{read_version()}/', text)


setup(
    name='hacdr',
    version=read_version(),
    description='HACDR-Net for mmsegmentation: lesions of diabetic retinopathy',
    long_description=read_readme(),
    long_description_content_type='text/markdown',
    author='The hacdr developers',
    license='Apache-2.0',
    keywords=[
        'diabetic retinopathy',
        'fundus',
        'mmsegmentation',
        'openmmlab',
        'semantic segmentation',
    ],
    classifiers=[
        'Development Status :: 4 - Beta',
        'Intended Audience :: Science/Research',
        'Operating System :: POSIX :: Linux',
        'Programming Language :: Python :: 3',
        *(f'Programming Language :: Python :: 3.{minor}' for minor in range(8, 15)),
        'Topic :: Scientific/Engineering :: Image Recognition',
        'Topic :: Scientific/Engineering :: Medical Science Apps.',
    ],
    # What mim shows as the source.
    url=HOME,
    py_modules=['hacdr_cli'],
    packages=find_packages(include=['hacdr', 'hacdr.*']),
    package_data={'hacdr.report': ['page/*']},
    cmdclass={'build_py': BuildWithMim},
    entry_points={'console_scripts': ['hacdr=hacdr_cli:main']},
    python_requires='>=3.8,<3.15',
    # hacdr_cli.REQUIRED names them where one is missing all the same.
    install_requires=[
        'jinja2',
        'numba',
        'numpy>=1.24',
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
