SELECT * FROM flyby.take(%(key)s, %(holder)s)
