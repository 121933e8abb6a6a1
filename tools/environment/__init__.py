"""Parts of tools/setup_env.py and tools/make_wheels.py: standard library only."""
