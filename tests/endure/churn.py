"""What happens to both switches: the same, at the same time.

Hosts of three kinds: steady ones, told once; remote ones, which come, move from VTEP to VTEP and go; roamers, which
are on a port of ours at times. What becomes of a roamer while vtepd is dead depends on what it has missed, as it
would with any daemon: finish() says the last word of each, and then both must come to the same.
"""
from switch import MAC_FAR, STEADY, VNIS, VTEPS, vni

REMOTE = range(1001, 1061)
ROAMERS = range(2001, 2013)
FAR = "10.0.0.2"


class Churn:
    def __init__(self, switches, dice, reloads=0.03):
        self.switches, self.dice, self.reloads = switches, dice, reloads
        self.sequence, self.steps, self.variant = 0, 0, 0
        self.at = {}  # (VNI, host): VTEP
        self.roaming = set()
        self.floods = set()

    def each(self, act, *words):
        for switch in self.switches:
            getattr(switch, act)(*words)

    def begin(self):
        for i in range(VNIS):
            self.each("flood", i, VTEPS[0], True)
        for host in STEADY:
            self.each("add", 0, host, VTEPS[host % 2], 0)
        # The host that answers pings; its MAC is of another pattern.
        self.each("route", vni(0), bytes.fromhex(MAC_FAR.replace(":", "")), b"", FAR, 0)

    def next(self):
        self.sequence += 10
        return self.sequence

    def step(self):
        self.steps += 1
        pick = self.dice.random()
        i = self.dice.randrange(VNIS)
        if pick < self.reloads:
            self.reload()
        elif pick < 0.10:
            self.flood(i)
        elif pick < 0.30:
            self.roam(self.dice.randrange(VNIS - 1), self.dice.choice(ROAMERS))
        else:
            self.remote(i, self.dice.choice(REMOTE))

    def remote(self, i, host):
        known = self.at.get((i, host))
        if known and self.dice.random() < 0.4:
            self.each("withdraw", i, host, known)
            del self.at[i, host]
            return
        self.at[i, host] = self.dice.choice(VTEPS)
        self.each("add", i, host, self.at[i, host], self.next())

    def roam(self, i, host):
        self.roaming.add((i, host))
        if self.dice.random() < 0.5:
            self.each("say", i, host)
        else:
            self.each("add", i, host, self.dice.choice(VTEPS), self.next())

    def flood(self, i):
        there = (i, VTEPS[1]) not in self.floods
        (self.floods.add if there else self.floods.discard)((i, VTEPS[1]))
        self.each("flood", i, VTEPS[1], there)

    def reload(self):
        self.variant = self.dice.randrange(8)
        self.each("reload", self.variant)

    def flap(self):
        """A port loses its hosts: they must say something again."""
        self.each("flap", self.dice.randrange(1, VNIS - 1))

    def finish(self):
        """The last word of each roamer, when what it has said before is digested."""
        self.each("reload", self.variant)
        for switch in self.switches:
            switch.wait("what came before is digested", switch.is_at_rest)
        for i, host in sorted(self.roaming):
            self.each("add", i, host, self.dice.choice(VTEPS), self.next())
        self.roaming.clear()
