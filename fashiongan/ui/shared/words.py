"""The page's texts that are longer than a label."""

from ... import limits

INTRO = "Garments that no one has sewn: draw them, and watch a pair of networks learn how."
NO_STORAGE = (
    "This browser keeps nothing for this page, as it does in some frames: your board, and which run is yours, last for "
    "this visit. Open the page by itself to keep them."
)
UNFORESEEN = "That went wrong in a way that nobody has foreseen: try other values, or reload the page."
ENTRY = "Any name will do; the password is the one that the studio was started with."
SAMPLE = "Drag a slider and watch the garments change."
SLIDERS = "**Sliders**: left … right, always or *mostly*"
WAYS = "measured ones stay within the class; the other two are what the papers find"
FAR = "how unlike the garment in the middle its neighbours are"
CLICK = "Click a garment to see its neighbours, and to keep, mix or change it by itself."
EXAMPLES = "It draws from a picture: these are the garments that it keeps as examples, one of each class. {others}"
COLOR_OTHERS = "To color others, go to the Colorize tab."
ENLARGE_OTHERS = "To enlarge others, choose a checkpoint that draws gray garments, such as studio, and then *Enlarge*."
LOCKED = "Chosen: {garment}. Sliders and class change it; click a neighbour to go on from there."
MATE = "a garment of another seed, or the same one as another class"
SHARE = "0 the chosen garment, 1 the other"
CUT = "the first layers draw the shape, the last the fabric; 0 mixes all of them"
OWN = "A photograph or drawing of one garment on any background; it stays on this machine."
NOT_FROM_MINE = (
    "{gan} draws from a picture, not from latents alone: choose a generator such as studio to start from yours."
)
AROUND = "More like those you liked. Like some of these for another round; Re-roll draws others of this round."
IN_COLOR = "the colors of the garments: a palette, or colors of your own with commas between"
SEARCHING = "In these colors: {done} of {n} garments."
ENLARGE = "Enlarge: 128 pixels, in color, cut out"
NOT_HERE = "This shows garments of the checkpoint {name}, which is not here: choose another, or bring its file."
BOARD = "Empty yet: click a garment, then *Keep it*. The board stays in this browser only."
TRAIN = "Choose a GAN, press Start and watch garments appear out of noise. You may close the page: training goes on."
TRAIN_ELSEWHERE = (
    "Training is off on this public page for all but its owner: sign in if that is you. Or make it your own with "
    "*Duplicate this Space* in the Space's menu and sign in there, or run the studio on your machine with `make app`."
)
TRAIN_VISITORS = (
    "Sign in with Hugging Face to train: {steps:,} steps of {side} x {side} pixels or {minutes:.0f} minutes, one run "
    "each, one after the other. You may close the page: training goes on."
)
IDLE = "Nothing is training."
PRESS_START = " Press Start: losses and pictures appear here within seconds."  # as train/panel.html says it
PUSH = (
    "The checkpoint with a card, its samples and the film of its training, in your name: by the token of "
    "`hf auth login` or `HF_TOKEN`, which this page never asks for."
)
PUSHED = "Sent: {files}. See {address}."
ADVISED = "**To begin with:** {gan}, {how_long}. {settings}."
ADVISED_BUSY = "for how long will be known when nothing else is being trained"
FRESH = "nothing, all weights fresh"
HOW_LONG = "a smaller net for a few epochs, or the report's own settings"
COLORIZE = "Give a gray garment the colors you choose; its folds, print and shading stay as they are."
GRAY = (
    "Photographs or drawings of a garment each, of any size; several are colored alike. What is in color is made "
    "gray first."
)
TONES = "colors on one garment: one, or two or three from top to bottom"
VARIANTS = "how many variants: of a palette each takes the next color; without any, each is another idea"
STRENGTH = "0 is gray, 1 as chosen, 2 twice as strong"
CLASS = "what the garment is, where that is not known"
ROBUST = "Change a garment so little that you hardly see it, and watch a classifier take it for something else."
CURVE = (
    "Accuracy against noise strength, for several classifiers and attacks at once, in the background: you may close "
    "the page. FGSM on 1,000 pictures takes seconds a curve, PGD minutes, the ensemble many."
)
DEFENCE = (
    "Train a classifier as usual, or against an adversary that changes every picture while it learns. The net "
    "'certified' learns to be right whatever an adversary does, and the curve shows how often that is proven. What is "
    "trained appears in the lists above when it is done: put both into one curve."
)
ATTACKED = "A garment on any background: it is cut out and made gray and 28 x 28, light on black."
COMPARE = "Choose two to six models: they draw from the same seeds, and are scored by the same scorer."
NEAREST = "under each picture, the training picture that is most like it"
SCORER = (
    "Scores those that have none by 10,000 pictures each: one to three minutes a model, in the background, and more "
    "the first time."
)
DUEL = "Train several GANs for as many steps each: their quick look, on the same data and from the same seed."
QUEUED = (
    "Queued: {gans}, {steps} steps each. The runs are in the Train tab's queue, and appear in the list above as they "
    "are trained."
)

# Names of a run's curves.
CURVES = {
    "d_loss": "discriminator",
    "g_loss": "generator",
    "d_accuracy_real": "on real garments",
    "d_accuracy_fake": "on fakes",
    "d_real": "discriminator's loss on real",
    "d_fake": "discriminator's loss on fakes",
    "distance": "Frechet distance in a classifier's features",
}


def purpose(public: bool, visitors: bool) -> str:
    """What the Train tab says first."""
    if visitors:
        minutes = limits.VISITOR_SECONDS / 60
        return TRAIN_VISITORS.format(steps=limits.VISITOR_STEPS, side=limits.VISITOR_SIDE, minutes=minutes)
    return TRAIN_ELSEWHERE if public else TRAIN
