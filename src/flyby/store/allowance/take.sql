SELECT * FROM flyby.take(%(key)s)
