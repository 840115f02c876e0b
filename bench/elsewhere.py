"""Questions about everyday matters, to be asked of texts that do not answer any of them."""

from __future__ import annotations

from typing import Final

QUESTIONS: Final = """\
How do I renew my passport at the embassy?
When is the invoice for the kitchen cabinets due?
Which vaccine does a puppy need in its first year?
How long should the bread dough rise before baking?
What did the tenant agree to pay for heating and water?
Who won the cup final in the summer of 1998?
How many grams of sugar belong into the plum jam?
Which doctor treats a torn ligament of the knee?
What is the deadline for submitting the tax return in Austria?
How often should tomatoes be watered in July?
What happened to the harbour after the earthquake?
Which wine goes well with grilled trout?
Can I bring my bicycle on the night train to Vienna?
How is a broken window in the rented flat paid for?
What does the warranty of the washing machine cover?
Who is allowed to pick up the children from the nursery?
Why did the bakery close on Mondays?
How much rent was unpaid when the shop closed?
What is the best season to prune apple trees?
Which muscles does rowing train most?
How do I get rid of moss in the lawn?
What did the museum pay for the painting by Klee?
Which side effects does the blood pressure medicine have?
When does the ferry to the island leave on Sundays?
How high is the mountain behind the village?
What clothes should we pack for a week in Norway?
How many nurses work on the night shift?
Which herbs belong into the lamb stew?
What notice period does the employment contract set?
Where was the violin built, and by whom?
How do bees survive the winter in the hive?
What does the bridge over the river weigh?
Which party won the election in the canton?
How long is the guarantee for the solar panels on the roof?
What colour was the car that fled from the accident?
How many seats does the old theatre have?
Which fertiliser is allowed for organic potatoes?
Why was the flight from Lisbon delayed?
What should a diabetic eat before a marathon?
Who inherits the farm if there is no will?
How deep is the lake near the campsite?
Which glue holds leather on wood?
What was served at the wedding dinner?
How do I file a complaint about a noisy neighbour?
Which languages are spoken in the valley?
What does the dentist charge for a crown?
How many eggs does a hen lay in winter?
When were the church bells cast?
Which insurance pays after a hailstorm?
How is cheese kept fresh without a fridge?
What is quantum chromodynamics on a lattice?
Which stars can be seen in the southern sky in March?
How do you tune a harpsichord?
What made the glacier retreat so quickly?
Which rooms of the hospital were renovated?
How long may a puppy stay alone at home?
What is the price of firewood this autumn?
Who painted the ceiling of the chapel?
How should the wound be cleaned and dressed?
Which trains stop at the border station?
""".splitlines()
