"""Every limit in one table: what is refused, cut off or given up, and from where on.

A limit that protects a machine from what comes from outside (a file, a request, the Hub) belongs here, and so does what
bounds the work of one visitor. A constant that decides what comes out (a learning rate, a threshold) does not.
"""

# Checkpoint files
MAX_HEADER = 1_000_000  # bytes; a bundled checkpoint's has 12,000, and a longer one costs much before it is refused
MAX_LABELS = 1000  # classes
CHECKPOINT_BYTES = 500_000_000  # of one that is fetched from the Hub

# Picture files. Four numbers of pixels, since a pixel costs differently: a JPEG is reduced while it is decoded, and a
# data set is opened by its owner, not by a stranger.
PICTURE_PIXELS = 25_000_000  # of an upload: 100 MB decoded
JPEG_PIXELS = 120_000_000  # of an upload that is a JPEG
ATTACK_PIXELS = 40_000_000  # of an upload to be attacked: only 28 x 28 are kept of it, so it is in memory for a moment
DATASET_PIXELS = 100_000_000  # of a picture in a data set: one of 30,000 a side would take 2.7 GB to open
SMALLEST_SIDE = 8  # pixels a side of a picture in a data set: fewer cannot be told from a speck
STRIP = 20  # times as long as wide: beyond it there is no garment to see
COLORIZE_SIDE = 2048  # pixels a side; what is larger is reduced before it is colorized

# ZIP files of pictures
ZIP_PICTURES = 100_000
ZIP_PICTURE_BYTES = 50_000_000  # of one picture, unpacked
ZIP_BYTES = 2_000_000_000  # of all of them

# Requests to the page
UPLOAD_MB = 16  # of one upload: as large as a good phone makes a picture
DATASET_UPLOAD_MB = 200  # of one that may be a ZIP of pictures
REQUEST_BYTES = 1_000_000  # of a request that brings no files
DRAWING_BYTES = 2_000_000  # of a drawing in a request
BOARD_FILE_BYTES = 3_000_000  # of an imported board
SESSIONS = 128  # visits whose state is kept: Gradio keeps 0.2 MB for each, and by itself for ten thousand of them
UPLOADS_KEPT = 64  # pictures of all visitors that are kept, reduced

# What one visitor may ask for at once
SHEET_PICTURES = 100  # on a sheet that somebody else described
BOARD_PICTURES = 60
VARIANTS = 16  # of a colorized picture
HINTS = 8  # colors at a place
MODELS = 6  # in a comparison
CURVES = 12  # in one robustness plot
CURVE_PICTURES = 10_000  # attacked for each point
EPSILONS = 50  # points of a curve
SEARCH_PASSES = 500  # of an attack whose smallest strength is looked for: beyond it, a minute's wait
PUBLIC_PASSES = 100_000  # of pictures through nets for one curve on a public page: about a minute

# Training
QUEUE = 20  # runs that may wait
ROWS = 4000  # of a curve kept for the page; beyond it, neighbours are joined

# The Hub, in seconds
HUB_ANSWER = 3.0  # in which it must answer at all; its client alone would wait for minutes
HUB_GRACE = 30.0  # that a download may take, and one more for each HUB_SLOWEST bytes
HUB_SLOWEST = 100_000  # bytes a second
HUB_AGAIN = 10.0  # after which a place that failed is asked for again, however often it is named
CATALOGUE_AGAIN = 60.0  # likewise for the catalogue
