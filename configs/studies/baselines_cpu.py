# The study of baselines.py in an hour and a half of one core: fourteen minutes of its
# time for each network. With OMP_NUM_THREADS=1, as threads that wait would count.
_base_ = './baselines.py'
seeds = [0]
minutes = 14
clock = 'processor'
evaluations = 1
work_dir = 'work_dirs/study_baselines_cpu'
