from .reading import parse_protocol as parse_protocol
from .reading import read_protocol as read_protocol
from .schema import Protocol as Protocol
from .schema import expand_sweep as expand_sweep
from .shipped import load as load
from .shipped import load_all as load_all
from .shipped import names as names
