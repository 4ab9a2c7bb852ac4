/* resize_bilinear */
