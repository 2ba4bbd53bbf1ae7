SELECT flyby.answered(%(key)s, %(request)s, %(remaining)s)
