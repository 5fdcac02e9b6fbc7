"""What runs inside the sandbox, mounted there as a package of its own: hence the relative imports."""
