# Evaluate and save an exponential moving average of the weights.
custom_hooks = [
    dict(type='IterEMAHook', decay=0.999, priority='ABOVE_NORMAL'),
]
