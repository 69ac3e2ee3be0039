"""What a node says of itself."""


class View:
    """What a node's Metrics say."""

    def __init__(self, answer):
        self.text = answer.other_metrics
        self.pairs = dict(pair.split(":", 1) for pair in self.text.split() if ":" in pair)
        self.membership = answer.membership
        self.configs = [sorted(config.node_ids) for config in answer.membership.configs]
        self.nodes = {key: node.rpc_addr for key, node in answer.membership.nodes.items()}
        self.state = self.pairs["state"]
        self.leader = self.number("leader")
        self.term = self.number("term")
        self.last_log = self.number("last_log")
        self.applied = self.number("last_applied")

    def number(self, name):
        """The number of a pair, the index of a log id; -1 for none."""
        value = self.pairs[name].split(".")[-1]
        return -1 if value == "none" else int(value)

    def learners(self):
        return sorted(set(self.nodes) - {i for config in self.configs for i in config})

    def frozen(self):
        """All that a refused request must not change."""
        names = ("state", "term", "leader", "vote", "last_log", "last_applied", "committed", "snapshot")
        return [self.pairs[name] for name in names], self.configs, self.nodes
