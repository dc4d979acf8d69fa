// SPDX-License-Identifier: MIT
// `vknorm devices`: what there is, what of it is used, and why the rest is not.
#include "command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <vknorm/vknorm.h>

#include "device.h"

// The text of a feature reads "path when on; off: path when off".
static const struct {
    const char *key, *text;
} features[VKN_FEATURE_COUNT] = {
#define X(name, bit, key, text) [bit] = {key, text},
    VKN_FEATURES(X)
#undef X
};

static const char off_mark[] = "; off: ";

typedef struct path {
    char text[96];
} path;

static path chosen_path(uint32_t bit, bool used) {
    path result;
    const char *mark = strstr(features[bit].text, off_mark);
    if (used) {
        snprintf(result.text, sizeof result.text, "%.*s", (int)(mark - features[bit].text), features[bit].text);
    } else {
        snprintf(result.text, sizeof result.text, "%s", mark + sizeof off_mark - 1);
    }
    return result;
}

// Of one device: what it is, or why it cannot be opened.
typedef struct report {
    bool usable;
    vkn_device_info info;
    char error[512];
} report;

static report look_at(uint32_t index) {
    report result = {0};
    char name[16];
    snprintf(name, sizeof name, "%" PRIu32, index);
    const vkn_context_info info = {.device = name};
    vkn_context *context;
    if (vkn_context_create(&info, &context) != VKN_OK) {
        snprintf(result.error, sizeof result.error, "%s", vkn_error_message());
        return result;
    }
    vkn_context_device_info(context, &result.info);
    vkn_context_destroy(context);
    result.usable = true;
    return result;
}

static void print_device(uint32_t index, const report *device) {
    if (!device->usable) {
        printf("%" PRIu32 "  cannot be used: %s\n", index, device->error);
        return;
    }
    const vkn_device_info *info = &device->info;
    printf("%" PRIu32 "  %s\n", index, info->name);
    printf("   driver       %s\n", info->driver[0] ? info->driver : "(does not tell)");
    printf("   type         %s, vendor 0x%04" PRIx32 ", device 0x%04" PRIx32 "\n", device_type_name(info->type),
           info->vendor_id, info->device_id);
    printf("   API version  %s\n", device_version(info->api_version).text);
    printf("   limits       workgroup of %" PRIu32 " invocations, subgroup of %" PRIu32 ", %" PRIu32
           " workgroups on each axis,\n",
           info->max_workgroup_invocations, info->subgroup_size, info->max_workgroups);
    printf("                %" PRIu32 " bytes of shared memory, %" PRIu64
           " bytes in a binding, offsets aligned to %" PRIu32 ",\n",
           info->max_shared_bytes, (uint64_t)info->max_binding_bytes, info->offset_alignment);
    if (info->max_texels > 0) {
        printf("                x and dy read as texels, up to %" PRIu32 " in a view\n", info->max_texels);
    } else {
        printf("                x and dy read from storage buffers\n");
    }
    printf("   %-16s %-6s %-5s %s\n", "feature", "found", "used", "path");
    for (uint32_t bit = 0; bit < VKN_FEATURE_COUNT; bit++) {
        const bool found = info->found >> bit & 1;
        const bool used = info->used >> bit & 1;
        const char *why = info->why_off[bit];
        printf("   %-16s %-6s %-5s %s%s%s%s\n", features[bit].key, found ? "yes" : "no", used ? "yes" : "no",
               chosen_path(bit, used).text, why ? " (" : "", why ? why : "", why ? ")" : "");
    }
}

static json_t *describe_features(const vkn_device_info *info) {
    json_t *object = json_object();
    for (uint32_t bit = 0; bit < VKN_FEATURE_COUNT; bit++) {
        const bool used = info->used >> bit & 1;
        json_object_set_new(object, features[bit].key,
                            json_pack("{s:b, s:b, s:s, s:s?}", "found", (int)(info->found >> bit & 1), "used",
                                      (int)used, "path", chosen_path(bit, used).text, "why_off", info->why_off[bit]));
    }
    return object;
}

static json_t *describe_device(uint32_t index, const report *device) {
    if (!device->usable) {
        return json_pack("{s:I, s:o}", "index", (json_int_t)index, "error", device_text(device->error));
    }
    const vkn_device_info *info = &device->info;
    json_t *limits =
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "max_workgroup_invocations",
                  (json_int_t)info->max_workgroup_invocations, "subgroup_size", (json_int_t)info->subgroup_size,
                  "max_workgroups", (json_int_t)info->max_workgroups, "max_shared_bytes",
                  (json_int_t)info->max_shared_bytes, "max_binding_bytes", (json_int_t)info->max_binding_bytes,
                  "offset_alignment", (json_int_t)info->offset_alignment, "max_texels", (json_int_t)info->max_texels);
    return json_pack("{s:I, s:o, s:o, s:s, s:I, s:I, s:s, s:I, s:o, s:s, s:o}", "index", (json_int_t)index, "name",
                     device_text(info->name), "driver", device_text(info->driver), "type", device_type_name(info->type),
                     "vendor_id", (json_int_t)info->vendor_id, "device_id", (json_int_t)info->device_id, "api_version",
                     device_version(info->api_version).text, "driver_version", (json_int_t)info->driver_version,
                     "limits", limits, "plan_limits", info->limits, "features", describe_features(info));
}

static int print_json(const report *devices, uint32_t count) {
    json_t *array = json_array();
    for (uint32_t i = 0; i < count; i++) {
        json_array_append_new(array, describe_device(i, &devices[i]));
    }
    json_t *root = json_pack("{s:s, s:o}", "vknorm", VKNORM_VERSION, "devices", array);
    const int code = root ? json_dumpf(root, stdout, JSON_INDENT(2)) : -1;
    json_decref(root);
    putchar('\n');
    return code == 0 ? COMMAND_OK : command_fail("cannot write the devices as JSON");
}

// The message for a machine without devices is the library's own.
static int no_device(void) {
    vkn_context *context = NULL;
    if (vkn_context_create(NULL, &context) == VKN_OK) {
        vkn_context_destroy(context);
        return command_fail("a device appeared while they were counted; try again");
    }
    return command_fail("%s", vkn_error_message());
}

static int run_devices(const command *self, int argc, char **argv) {
    bool json = false;
    const command_option options[] = {{.name = "--json", .flag = &json}};
    int code = command_parse(self, argc, argv, options, 1, NULL, 0);
    if (code != COMMAND_OK) {
        return code;
    }
    uint32_t count = 0;
    if (vkn_device_count(&count) != VKN_OK) {
        return command_fail("%s", vkn_error_message());
    }
    if (count == 0) {
        return no_device();
    }
    report *devices = calloc(count, sizeof *devices);
    if (!devices) {
        return command_fail("no memory for %" PRIu32 " devices", count);
    }
    bool usable = false;
    for (uint32_t i = 0; i < count; i++) {
        devices[i] = look_at(i);
        usable = usable || devices[i].usable;
    }
    if (json) {
        code = print_json(devices, count);
    } else {
        for (uint32_t i = 0; i < count; i++) {
            printf("%s", i > 0 ? "\n" : "");
            print_device(i, &devices[i]);
        }
    }
    if (code == COMMAND_OK && !usable) {
        code = command_fail("none of the %" PRIu32 " devices can be used; the first: %s", count, devices[0].error);
    }
    free(devices);
    return code == COMMAND_OK ? command_finish() : code;
}

const command command_devices = {
    .name = "devices",
    .synopsis = "[--json]",
    .summary = "list the Vulkan devices, the features found, and the paths chosen",
    .details =
        "For each device: driver, type, limits, and for each feature that vknorm can use whether the device has\n"
        "it, whether it is used, the path that follows from it, and why one is off.\n\n"
        "  --json   the same as JSON, with the numbers that plans are made with (VKNORM_LIMITS)\n",
    .run = run_devices,
};
