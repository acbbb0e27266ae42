/* Runs the network on the images of a .npy file; `--help` says how. */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

static const char usage[] =
    "usage: %s [options] IMAGES.npy\n"
    "\n"
    "Runs a spiking network on images and prints for each one the class of\n"
    "highest potential, the clocks that the hardware takes, and the events that it consumes.\n"
    "\n"
    "IMAGES.npy holds uint8 or float32 numbers, %d for each image: %d x %d pixels of %d channel(s),\n"
    "in the order (image, y, x, channel), padded as the network wants them.\n"
    "\n"
    "options:\n"
    "  -o FILE.npy     write the potentials as int32 (images, %d)\n"
    "  -n N            run the first N images\n"
    "  --chw           the file's order is (image, channel, y, x)\n"
    "  --scale S       float32 images: a pixel is round(value / S) + Z, limited to %d bits (1)\n"
    "  --zero Z        see --scale (0)\n"
    "  --layers        print the clocks and events of each layer, over all images\n"
    "  --no-clocks     do not count clocks, which is faster\n"
/*@ddr_usage@*/
    "  --quiet         print the summary only\n"
    "  --help          print this text\n";

/* Images that are read and run at once: whole batches of the network. */
enum { CHUNK = 32 * NAME_BATCH, HEADER_LIMIT = 65536 };

typedef struct {
    const char *input, *output;
    long limit;
    int is_chw, layers, clocks, quiet;
    float scale, zero;
/*@ddr_options@*/
} main_options;

/* An open .npy file, behind its header. */
typedef struct {
    FILE *file;
    const char *name;
    int is_float;
    long images;
} npy_input;

static int fail(const char *where, const char *what)
{
    fprintf(stderr, "%s: error: %s\n", where, what);
    return 1;
}

/* The text behind `'key':` in a .npy header, or NULL. */
static const char *header_value(const char *header, const char *key)
{
    const char *found = strstr(header, key);
    if (found == NULL)
        return NULL;
    found += strlen(key);
    while (*found == ' ' || *found == ':')
        ++found;
    return found;
}

/* Reads the header's text into `header`; 0 if that is no .npy header. */
static int read_header(FILE *file, char *header)
{
    unsigned char start[12];
    size_t size;
    if (fread(start, 1, 10, file) != 10 || memcmp(start, "\x93NUMPY", 6) != 0)
        return 0;
    size = start[8] | (size_t)start[9] << 8;
    if (start[6] > 1) {
        if (fread(start + 10, 1, 2, file) != 2)
            return 0;
        size |= (size_t)start[10] << 16 | (size_t)start[11] << 24;
    }
    if (size >= HEADER_LIMIT || fread(header, 1, size, file) != size)
        return 0;
    header[size] = '\0';
    return 1;
}

/* The number of elements that a shape `(2, 3, ...)` has, or -1. */
static long count_elements(const char *shape)
{
    long total = 1;
    if (*shape++ != '(')
        return -1;
    for (;;) {
        char *end;
        while (*shape == ' ' || *shape == ',')
            ++shape;
        if (*shape == ')')
            return total;
        const long extent = strtol(shape, &end, 10);
        if (end == shape || extent < 0 || (extent > 0 && total > 0x7fffffffL / extent))
            return -1;
        total *= extent;
        shape = end;
    }
}

static int open_npy(npy_input *npy, const char *name)
{
    static char header[HEADER_LIMIT];
    const char *type, *order, *shape;
    long elements;

    npy->name = name;
    npy->file = fopen(name, "rb");
    if (npy->file == NULL)
        return fail(name, "cannot open the file");
    if (!read_header(npy->file, header))
        return fail(name, "not a .npy file");
    type = header_value(header, "'descr'");
    order = header_value(header, "'fortran_order'");
    shape = header_value(header, "'shape'");
    if (type == NULL || order == NULL || shape == NULL || (elements = count_elements(shape)) < 0)
        return fail(name, "damaged .npy header");
    if (strncmp(type, "'|u1'", 5) != 0 && strncmp(type, "'<f4'", 5) != 0)
        return fail(name, "the images must be uint8 or little-endian float32");
    if (strncmp(order, "False", 5) != 0)
        return fail(name, "the array is in Fortran order; save it with numpy.ascontiguousarray");
    if (elements == 0)
        return fail(name, "there are no images");
    if (elements % NAME_IMAGE != 0) {
        fprintf(stderr, "%s: error: %ld numbers are no whole number of images of %d\n", name,
                elements, NAME_IMAGE);
        return 1;
    }
    npy->is_float = type[1] == '<';
    npy->images = elements / NAME_IMAGE;
    return 0;
}

/* The pixel of a real value; what is no number becomes 0. */
static uint8_t to_pixel(float value, const main_options *options)
{
    const float top = (float)((1 << NAME_IMAGE_BITS) - 1);
    const float pixel = value / options->scale + options->zero;
    if (!(pixel > 0))
        return 0;
    if (pixel >= top)
        return (uint8_t)top;
    /* Halves go to the even neighbour, as in numpy. */
    const int32_t below = (int32_t)pixel;
    const float rest = pixel - (float)below;
    return (uint8_t)(below + (rest > 0.5f || (rest == 0.5f && below % 2 == 1)));
}

/* Reads the next image into `image`, in the machine's order; 0 at the end of the file. */
static int read_image(const npy_input *npy, const main_options *options, uint8_t *image)
{
    static float values[NAME_IMAGE];
    static uint8_t bytes[NAME_IMAGE];
    const int32_t area = NAME_IMAGE_HEIGHT * NAME_IMAGE_WIDTH;

    if (npy->is_float) {
        if (fread(values, sizeof values[0], NAME_IMAGE, npy->file) != NAME_IMAGE)
            return 0;
        for (int32_t i = 0; i < NAME_IMAGE; ++i)
            bytes[i] = to_pixel(values[i], options);
    } else if (fread(bytes, 1, NAME_IMAGE, npy->file) != NAME_IMAGE) {
        return 0;
    }
    if (!options->is_chw)
        memcpy(image, bytes, NAME_IMAGE);
    for (int32_t i = 0; options->is_chw && i < NAME_IMAGE; ++i)
        image[i % area * NAME_IMAGE_CHANNELS + i / area] = bytes[i];
    return 1;
}

static int write_npy_header(FILE *file, long images)
{
    unsigned char header[128];
    char text[128];
    const int size = snprintf(text, sizeof text,
                              "{'descr': '<i4', 'fortran_order': False, 'shape': (%ld, %d), }",
                              images, NAME_OUTPUTS);
    memset(header, ' ', sizeof header);
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = sizeof header - 10;
    header[9] = 0;
    memcpy(header + 10, text, (size_t)size);
    header[sizeof header - 1] = '\n';
    return fwrite(header, 1, sizeof header, file) == sizeof header;
}

static int write_potentials(FILE *file, const int32_t *potentials, long count)
{
    for (long i = 0; i < count * NAME_OUTPUTS; ++i) {
        const uint32_t word = (uint32_t)potentials[i];
        const unsigned char bytes[4] = {
            (unsigned char)(word & 255u), (unsigned char)(word >> 8 & 255u),
            (unsigned char)(word >> 16 & 255u), (unsigned char)(word >> 24)};
        if (fwrite(bytes, 1, 4, file) != 4)
            return 0;
    }
    return 1;
}

static int best_output(const int32_t *potentials)
{
    int best = 0;
    for (int i = 1; i < NAME_OUTPUTS; ++i)
        if (potentials[i] > potentials[best])
            best = i;
    return best;
}

/* Reads the command line; 0 to go on, or else the exit status plus 1. */
static int read_options(int argc, char **argv, main_options *options)
{
    for (int i = 1; i < argc; ++i) {
        const char *word = argv[i];
        const int takes_value = strcmp(word, "-o") == 0 || strcmp(word, "-n") == 0
                                || strcmp(word, "--scale") == 0 || strcmp(word, "--zero") == 0
                                || strncmp(word, "--ddr-", 6) == 0;
        char *end = NULL;
        if (takes_value && i + 1 == argc)
            return fail(word, "needs a value") + 2;
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            printf(usage, argv[0], NAME_IMAGE, NAME_IMAGE_HEIGHT, NAME_IMAGE_WIDTH,
                   NAME_IMAGE_CHANNELS, NAME_OUTPUTS, NAME_IMAGE_BITS);
            return 1;
        } else if (strcmp(word, "-o") == 0) {
            options->output = argv[++i];
        } else if (strcmp(word, "-n") == 0) {
            options->limit = strtol(argv[++i], &end, 10);
            if (*end != '\0' || options->limit < 1)
                return fail(argv[i], "not a number of images") + 2;
        } else if (strcmp(word, "--scale") == 0) {
            options->scale = strtof(argv[++i], &end);
            if (*end != '\0' || !(options->scale > 0))
                return fail(argv[i], "not a positive number") + 2;
        } else if (strcmp(word, "--zero") == 0) {
            options->zero = strtof(argv[++i], &end);
            if (*end != '\0')
                return fail(argv[i], "not a number") + 2;
/*@ddr_parsing@*/
        } else if (strcmp(word, "--chw") == 0) {
            options->is_chw = 1;
        } else if (strcmp(word, "--layers") == 0) {
            options->layers = 1;
        } else if (strcmp(word, "--no-clocks") == 0) {
            options->clocks = 0;
        } else if (strcmp(word, "--quiet") == 0) {
            options->quiet = 1;
        } else if (word[0] == '-' && word[1] != '\0') {
            return fail(word, "unknown option; see --help") + 2;
        } else if (options->input != NULL) {
            return fail(word, "only one file of images can be run") + 2;
        } else {
            options->input = word;
        }
    }
    if (options->input == NULL)
        return fail(argv[0], "no file of images given; see --help") + 2;
    return 0;
}

/* What all images took. */
typedef struct {
    int64_t cycles, events, layer_cycles[NAME_LAYERS], layer_events[NAME_LAYERS];
} main_totals;

/* Runs and prints all images. */
static int run_all(const npy_input *npy, const main_options *options, FILE *output, long images,
                   name_state *states, int threads)
{
    static uint8_t pixels[CHUNK][NAME_IMAGE];
    static int32_t potentials[CHUNK][NAME_OUTPUTS];
    static int64_t cycles[32], layer_cycles[32][NAME_LAYERS], layer_events[32][NAME_LAYERS];
    const name_results results = {potentials[0], cycles, layer_cycles[0], layer_events[0], NULL};
    main_totals totals;

    memset(&totals, 0, sizeof totals);
    for (long first = 0; first < images; first += CHUNK) {
        const long count = images - first < CHUNK ? images - first : CHUNK;
        const long batches = (count + NAME_BATCH - 1) / NAME_BATCH;
        for (long i = 0; i < count; ++i)
            if (!read_image(npy, options, pixels[i]))
                return fail(npy->name, "the file is shorter than its header says");
        /* The last image fills up the last batch. */
        for (long i = count; i < batches * NAME_BATCH; ++i)
            memcpy(pixels[i], pixels[count - 1], NAME_IMAGE);
        name_run_batch(states, threads, pixels[0], batches, &results);
        for (long b = 0; b < batches; ++b) {
            const long end = count < (b + 1) * NAME_BATCH ? count : (b + 1) * NAME_BATCH;
            int64_t events = 0;
            for (int l = 0; l < NAME_LAYERS; ++l) {
                events += layer_events[b][l];
                totals.layer_cycles[l] += layer_cycles[b][l];
                totals.layer_events[l] += layer_events[b][l];
            }
            totals.cycles += cycles[b];
            totals.events += events;
            for (long i = b * NAME_BATCH; i < end && !options->quiet; ++i) {
                printf("%ld: class %d", first + i, best_output(potentials[i]));
                if (options->clocks)
                    printf(", %lld clocks", (long long)cycles[b]);
                printf(", %lld events%s\n", (long long)events,
                       NAME_BATCH > 1 ? " in its batch" : "");
            }
        }
        if (output != NULL && !write_potentials(output, potentials[0], count))
            return fail(options->output, "cannot write the file");
    }
    for (int l = 0; options->layers && l < NAME_LAYERS; ++l)
        printf("%s: %lld clocks, %lld events\n", name_layer_labels[l],
               (long long)totals.layer_cycles[l], (long long)totals.layer_events[l]);
    printf("%ld images", images);
    if (options->clocks)
        printf(", %.1f clocks each", (double)totals.cycles / (double)images);
    printf(", %.1f events each\n", (double)totals.events / (double)images);
    return 0;
}

int main(int argc, char **argv)
{
    main_options options;
    npy_input npy = {NULL, NULL, 0, 0};
    FILE *output = NULL;
    name_state *states;
    long images;
    int status, threads = 1;

    memset(&options, 0, sizeof options);
    options.clocks = 1;
    options.scale = 1.0f;
    status = read_options(argc, argv, &options);
    if (status != 0)
        return status - 1;
    if (open_npy(&npy, options.input) != 0)
        return 1;
    images = options.limit > 0 && options.limit < npy.images ? options.limit : npy.images;
    if (options.output != NULL) {
        output = fopen(options.output, "wb");
        if (output == NULL || !write_npy_header(output, images))
            return fail(options.output, "cannot write the file");
    }
#ifdef _OPENMP
    threads = omp_get_max_threads();
#endif
    states = malloc((size_t)threads * sizeof *states);
    if (states == NULL)
        return fail(argv[0], "not enough memory");
    for (int i = 0; i < threads; ++i) {
        name_init(&states[i]);
        states[i].counting = options.clocks;
/*@ddr_setting@*/
    }
    status = run_all(&npy, &options, output, images, states, threads);
    if (output != NULL && fclose(output) != 0 && status == 0)
        status = fail(options.output, "cannot write the file");
    free(states);
    fclose(npy.file);
    return status;
}
