"""Words that tell a unit, a number or a variable from other words."""

from __future__ import annotations

# The units of which several names are known, so that 5 km is not 5 m. Of other words nothing is known.
_NAMES = """
m meter meters metre metres | km kilometer kilometers kilometre kilometres
|cm centimeter centimeters centimetre centimetres | mm millimeter millimeters millimetre millimetres
|mi mile miles | ft foot feet | in inch inches | yd yard yards | s sec secs second seconds
|min mins minute minutes | h hr hrs hour hours | day days | week weeks | month months | year years yr yrs
|kg kilogram kilograms | g gram grams | mg milligram milligrams | lb lbs pound pounds | oz ounce ounces
|L l liter liters litre litres | mL ml milliliter milliliters millilitre millilitres | $ dollar dollars USD
|¢ cent cents | € euro euros EUR | £ GBP | ¥ yen JPY | Rs rupee rupees INR | CNY yuan RMB | °C Celsius
|°F Fahrenheit | °K K kelvin kelvins | rad radian radians | ° degree degrees deg | N newton newtons
|J joule joules | W watt watts | V volt volts | A amp amps ampere amperes | Hz hertz | Pa pascal pascals
|kHz kilohertz | MHz megahertz | kW kilowatt kilowatts | kJ kilojoule kilojoules | mol mole moles
|nm nanometer nanometers | mph | kph kmh kmph | rpm | ppm | fps | bps | pts points | pcs pieces | sq square
|cu cubic | cup cups | rev revolutions
"""
UNITS = {name: group.split()[0] for group in _NAMES.split("|") for name in group.split()}
LETTERS = frozenset("msghLVANJWKCF")  # one letter that after a number and a space is a unit
# Words that make another number of the one before them, or say more than one.
_NOT_UNITS = """
and or but not nor out to through between than if when unless except plus minus times over under divided half
halves quarter quarters third thirds fourth fourths fifth fifths sixth sixths seventh sevenths eighth eighths
ninth ninths tenth tenths hundredth hundredths thousandth thousandths dozen score squared cubed factorial
remainder mod modulo more less fewer least most one two three four five six seven eight nine ten eleven twelve
twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion trillion choose because
since so then where with without is are was were power root i e pi infinity inf th st nd rd
pair pairs couple couples gross grosses twin twins triplet triplets trio trios quartet quartets lakh lakhs lac lacs
crore crores quadrillion quintillion mille permille permil scores dozens bn mn
"""
NOT_UNITS = frozenset(_NOT_UNITS.split())
# Words of two or three letters that no formula has for variables side by side.
_SHORT_WORDS = """
a am an and any are as at be but by can did do for get got had has he her him his how if in is it its let may
me my no nor not of off on one or our out per see set she six so ten the to too two up us use was way we who
why yes yet you all few old new now own day far red men box boy cup cat dog car egg hat pen pie toy top tip
sum odd big
"""
SHORT_WORDS = frozenset(_SHORT_WORDS.split())
FUNCTIONS = frozenset(
    (
        "arccos",
        "arccot",
        "arcsin",
        "arctan",
        "cos",
        "cosh",
        "cot",
        "csc",
        "det",
        "exp",
        "gcd",
        "lcm",
        "lg",
        "ln",
        "log",
        "max",
        "min",
        "sec",
        "sin",
        "sinh",
        "tan",
        "tanh",
    )
)
