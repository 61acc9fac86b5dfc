"""Every limit in one table: beyond it, input is refused, cut off or given up.

A limit belongs here if it protects the machine from outside input (a file, a request, the Hub), or bounds the work that
one visitor can cause. A constant that changes results (a learning rate, a threshold) does not belong here.
"""

# Checkpoint files
MAX_HEADER = 1_000_000  # bytes; bundled checkpoints have 12,000, and parsing a huge header is slow
MAX_LABELS = 1000  # classes
CHECKPOINT_BYTES = 500_000_000  # of a checkpoint fetched from the Hub

# Picture files. There are five limits in pixels, since the memory for one pixel differs: a JPEG is reduced while it is
# decoded, an attacked picture is kept for a moment only, and a data set is opened by its owner and not by a stranger.
PICTURE_PIXELS = 25_000_000  # of an upload: 100 MB decoded
JPEG_PIXELS = 120_000_000  # of an upload that is a JPEG
PHONE_PIXELS = 50_000_000  # of an upload that is AVIF or HEIC: phones' cameras have 48 and 50 megapixels
ATTACK_PIXELS = 40_000_000  # of an upload to be attacked: it is reduced to 28 x 28 as soon as it is open
DATASET_PIXELS = 100_000_000  # of a picture in a data set: one of 30,000 x 30,000 would take 2.7 GB to open
SMALLEST_SIDE = 8  # pixels a side of a picture in a data set: a smaller one shows no garment
STRIP = 20  # ratio of the sides: a picture longer than that shows no garment
ARRAY_BYTES = 500_000_000  # of a CSV file of pictures
TABLE_BYTES = 100_000_000  # of a labels.csv
COLORIZE_SIDE = 2048  # pixels a side; a larger picture is reduced before it is colorized

# ZIP files of pictures
ZIP_PICTURES = 100_000
ZIP_PICTURE_BYTES = 50_000_000  # of one picture, unpacked
ZIP_BYTES = 2_000_000_000  # of all pictures together, unpacked

# Requests to the page
UPLOAD_MB = 16  # of one upload: about the largest photo of a good phone
DATASET_UPLOAD_MB = 200  # of an upload that may be a ZIP of pictures
REQUEST_BYTES = 1_000_000  # of a request without files
DRAWING_BYTES = 2_000_000  # of a drawing in a request
BOARD_FILE_BYTES = 3_000_000  # of an imported board
SESSIONS = 128  # visits whose state is kept, 0.2 MB each; Gradio's own default is ten thousand
UPLOADS_KEPT = 64  # uploaded pictures that are kept, reduced, of all visitors together
MODELS_KEPT = 8  # GANs that stay in memory, and as many classifiers
EVENTS = 64  # requests of one kind that wait in the page's queue
EVENTS_AT_ONCE = 4  # requests of one kind that are answered at the same time, unless it has a limit of its own
PANEL_WAITING = 16  # requests of one panel that wait outside the queue: each of them holds a thread
VISITOR_LETTERS = 64  # of the name that a browser keeps for a visit

# What one visitor may ask for at once
SHEET_PICTURES = 100  # on a sheet drawn from a description out of a file or a request
BOARD_PICTURES = 60
DRAWN_PICTURES = 1_000_000  # by one command
WALK_STOPS = 20  # garments in a film that goes from one to the next
PALETTE_GARMENTS = 10  # side by side in one palette
PALETTE_COLORS = 16  # in a description of garments
LIKED = 8  # garments that a sheet is drawn around
UNDO = 60  # steps that a visitor can take back, some kB each
SAVED_PIXELS = 100_000_000  # of the pictures in one ZIP that is saved
VARIANTS = 16  # of a colorized picture
HINTS = 8  # colors at a place
MODELS = 6  # in a comparison
CURVES = 12  # in one robustness plot
CURVE_PICTURES = 10_000  # attacked for each point of a curve
EPSILONS = 50  # points of a curve
SEARCH_PASSES = 500  # of an attack in the search for the smallest strength that fools; a costlier one takes a minute
SEED = 2**63 - 1  # the largest in a description and on the command line: PyTorch takes no larger one
PAGE_SEED = 2**31 - 1  # the largest on the page and in the API, also of a generated garment's number
PUBLIC_PASSES = 100_000  # passes of pictures through nets for one curve on a public page: about a minute

# A signed-in visitor's run on a page with FASHIONGAN_PUBLIC=visitors; each may have one
VISITOR_STEPS = 5000
VISITOR_SIDE = 28  # pixels a side
VISITOR_SECONDS = 600.0  # then it is stopped and saved

# Training
QUEUE = 20  # runs that may wait
ROWS = 4000  # points of a training curve kept for the page; beyond it, neighbouring points are averaged

# The Hub, in seconds
HUB_ANSWER = 3.0  # for the first answer; without it, the Hub's client would wait for minutes
HUB_GRACE = 30.0  # for a download, plus one second for each HUB_SLOWEST bytes
HUB_SLOWEST = 100_000  # bytes a second
HUB_AGAIN = 10.0  # until a failed place is requested again, however often it is named
CATALOGUE_AGAIN = 60.0  # until a failed listing of the catalogue is requested again
RUNS_PUSH = 60.0  # between two commits of a run to FASHIONGAN_RUNS_REPO; the Hub takes about 128 commits an hour
MEMBERS_AGAIN = 300.0  # until the organizations of a signed-in account are requested again
