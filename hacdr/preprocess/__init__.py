"""What is done to a photograph and its maps before a network sees them.

Arrays in, arrays out; neither torch nor mmseg is needed.
"""
