import os

import torch

if not torch.cuda.is_available():
    # Triton's kernels then run in its interpreter. It reads this when it is imported.
    os.environ.setdefault('TRITON_INTERPRET', '1')
