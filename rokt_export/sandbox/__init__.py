"""The sandbox: a simulated partner, made from its spec, over real HTTP."""
